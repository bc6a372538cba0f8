import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parse } from 'yaml';

/** The files of a commit, as OpenSSF Scorecard looks at them: by path and content, without asking anybody. */
export interface Tree {
  readonly paths: readonly string[];
  readonly read: (path: string) => Buffer;
}

/** What one of Scorecard's checks would mark down; nothing when it is content. */
export type ScorecardCheck = (tree: Tree) => readonly string[];

/** The files that git knows and that are there. */
export function repositoryTree(): Tree {
  const listed = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0');
  return { paths: listed.filter((path) => path !== '' && existsSync(path)), read: (path) => readFileSync(path) };
}

/** Permissions to write that a job needs, with the job's file and name. Everything else is read or none. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  'notify.yml notify': ['issues'],
  'platform-facts.yml again': ['id-token'],
  'platform-facts.yml facts': ['id-token'],
  'publish.yml publish': ['contents'],
  'release-artifact.yml seal': ['id-token', 'packages'],
  'release-container.yml seal': ['id-token', 'packages'],
  'release-container-matrix.yml seal': ['id-token', 'packages'],
  'report.yml report': ['pull-requests', 'security-events'],
  'rescan.yml notify': ['issues'],
  'self-release.yml release': ['id-token', 'packages'],
  'self-release.yml publish': ['contents'],
  'snapshot.yml snapshot': ['contents'],
  'watch.yml watch': ['issues'],
  // What a starter hands on to the called workflow, whose jobs take less each.
  'starters release': ['id-token', 'packages'],
};

/** Data that looks like a program or an archive: none of it is started, opened by a release, or part of one. */
const BINARY_FIXTURES: ReadonlySet<string> = new Set([
  'actions/hermetic-build/test/fixtures/yarn-zip/is-odd-3.0.1.tgz',
  'actions/hermetic-build/test/fixtures/yarn-zip/mkdirp-0.5.6.tgz',
  'test/fixtures/rego/endless.wasm',
  'test/fixtures/rego/network.wasm',
  'test/fixtures/rego/rules.wasm',
  'test/fixtures/scanner-databases/grype-db.tar.zst',
  'test/fixtures/scanner-databases/trivy-db.tar.gz',
]);

type Mapping = Readonly<Record<string, unknown>>;
const mapping = (value: unknown): Mapping =>
  typeof value === 'object' && value !== null ? (value as Mapping) : Object.create(null);
const text = (tree: Tree, path: string) => tree.read(path).toString('utf8');
const isFixture = (path: string) => path.includes('/fixtures/');
const isWorkflow = (path: string) => /^(\.github\/workflows|workflows(\/starters)?)\/[^/]+\.ya?ml$/.test(path);
const isAction = (path: string) => /(^|\/)action\.ya?ml$/.test(path) && !isFixture(path);

interface Job {
  readonly path: string;
  readonly name: string;
  readonly job: Mapping;
}

function jobsOf(tree: Tree): readonly Job[] {
  return tree.paths.filter(isWorkflow).flatMap((path) =>
    Object.entries(mapping(mapping(parse(text(tree, path))).jobs)).map(([name, job]) => ({
      path,
      name,
      job: mapping(job),
    })),
  );
}

interface Step {
  readonly path: string;
  readonly step: Mapping;
}

function stepsOf(tree: Tree): readonly Step[] {
  const list = (path: string, steps: unknown) =>
    (Array.isArray(steps) ? steps : []).map((step) => ({ path, step: mapping(step) }));
  return [
    ...jobsOf(tree).flatMap(({ path, job }) => list(path, job.steps)),
    ...tree.paths.filter(isAction).flatMap((path) => list(path, mapping(mapping(parse(text(tree, path))).runs).steps)),
  ];
}

/** Token-Permissions: nothing is written by default, and what a job writes is on the list. */
export const tokenPermissions: ScorecardCheck = (tree) => [
  ...tree.paths.filter(isWorkflow).flatMap((path) => {
    const { permissions } = mapping(parse(text(tree, path)));
    const reads = permissions !== undefined && writesOf(permissions).length === 0;
    return reads ? [] : [`${path}: its permissions are not stated, or write`];
  }),
  ...jobsOf(tree).flatMap(({ path, name, job }) => {
    if (job.permissions === undefined) return [`${path}: job "${name}" states no permissions`];
    const file = path.startsWith('workflows/starters/') ? 'starters' : posix.basename(path);
    const allowed = WRITES[`${file} ${name}`] ?? [];
    return writesOf(job.permissions)
      .filter((scope) => !allowed.includes(scope))
      .map((scope) => `${path}: job "${name}" writes ${scope}`);
  }),
];

function writesOf(permissions: unknown): readonly string[] {
  if (typeof permissions === 'string') return permissions === 'read-all' ? [] : [permissions];
  return Object.entries(mapping(permissions)).flatMap(([scope, level]) => (level === 'write' ? [scope] : []));
}

/** Pinned-Dependencies: actions, images, files of a network and packages by digest. */
export const pinnedDependencies: ScorecardCheck = (tree) => [
  ...[...jobsOf(tree).map(({ path, job }) => ({ path, step: job })), ...stepsOf(tree)].flatMap(({ path, step }) =>
    typeof step.uses === 'string' && !isPinned(step.uses) ? [`${path}: uses ${step.uses}`] : [],
  ),
  ...jobsOf(tree).flatMap(({ path, job }) =>
    [job.container, ...Object.values(mapping(job.services))]
      .map((image) => (typeof image === 'string' ? image : mapping(image).image))
      .filter((image) => image !== undefined && !hasDigest(String(image)))
      .map((image) => `${path}: image ${String(image)}`),
  ),
  ...tree.paths.filter(isDockerfile).flatMap((path) => looseImages(text(tree, path)).map((from) => `${path}: ${from}`)),
  ...scriptsOf(tree).flatMap(({ path, script }) => looseDownloads(script).map((line) => `${path}: ${line}`)),
  ...tree.paths
    .filter(isRequirements)
    .flatMap((path) => looseRequirements(text(tree, path)).map((r) => `${path}: ${r}`)),
  ...tree.paths
    .filter((path) => /(^|\/)package\.json$/.test(path) && !isFixture(path) && hasDependencies(text(tree, path)))
    .filter((path) => !hasLockfile(tree, path))
    .map((path) => `${path}: no lock file`),
];

const hasDigest = (image: string) => /@sha256:[0-9a-f]{64}$/.test(image);

function isPinned(uses: string): boolean {
  if (uses.startsWith('./') || uses.startsWith('$/')) return true;
  return uses.startsWith('docker://') ? hasDigest(uses) : /@[0-9a-f]{40}$/.test(uses);
}

const isDockerfile = (path: string) => /(^|\/)(Dockerfile|Containerfile)$/.test(path) && !isFixture(path);
const isRequirements = (path: string) => /(^|\/)requirements[^/]*\.txt$/.test(path) && !isFixture(path);
const hasDependencies = (json: string) => /"(dev|optional)?[dD]ependencies"/.test(json);

function hasLockfile(tree: Tree, path: string): boolean {
  const folders = path.split('/').slice(0, -1);
  // A workspace is in the lock file of a folder above it.
  return Array.from({ length: folders.length + 1 }, (_, depth) => folders.slice(0, depth).join('/')).some((folder) =>
    tree.paths.includes(posix.join(folder, 'package-lock.json')),
  );
}

function looseImages(dockerfile: string): readonly string[] {
  const values = new Map(
    [...dockerfile.matchAll(/^ARG (\w+)=(\S+)/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const stages = new Set(['scratch', ...[...dockerfile.matchAll(/ AS (\S+)/gi)].map(([, name = '']) => name)]);
  const images = [...dockerfile.matchAll(/^FROM (?:--\S+ )*(\S+)|^(?:COPY|ADD) .*--from=(\S+)/gm)];
  return images
    .map(([, from, copied]) =>
      (from ?? copied ?? '').replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => values.get(name) ?? ''),
    )
    .filter((image) => !stages.has(image) && !hasDigest(image))
    .map((image) => `image ${image}`);
}

/** Text that a shell gets: steps, shell scripts, scripts of npm. */
function scriptsOf(tree: Tree): readonly { readonly path: string; readonly script: string }[] {
  const files = tree.paths.filter((path) => /\.(sh|bash)$|^\.ci\/run$/.test(path) && !isFixture(path));
  const manifests = tree.paths.filter((path) => /(^|\/)package\.json$/.test(path) && !isFixture(path));
  return [
    ...stepsOf(tree).flatMap(({ path, step }) => (typeof step.run === 'string' ? [{ path, script: step.run }] : [])),
    ...files.map((path) => ({ path, script: text(tree, path) })),
    ...manifests.map((path) => {
      const { scripts } = mapping(JSON.parse(text(tree, path)));
      return { path, script: Object.values(mapping(scripts)).join('\n') };
    }),
  ];
}

const LOOSE = [
  /\b(curl|wget)\b[^\n]*\|\s*(sudo\s+)?(\w*sh|node|python3?)\b/,
  /\b(ba)?sh\s+<\(\s*(curl|wget)\b/,
  /\bnpm\s+(install|i|add|update)\b/,
  /\bnpx\s+(?!--no\b)/,
  /\b(yarn|pnpm)\s+(add|dlx)\b/,
  /\bpip3?\s+install\b(?!.*--require-hashes)/,
  /\bgo\s+(install|get)\s+\S+@/,
  /\bcargo\s+install\b(?!.*--locked)/,
];

function looseDownloads(script: string): readonly string[] {
  const lines = script.replaceAll('\\\n', ' ').split('\n');
  return lines.filter((line) => !line.trim().startsWith('#') && LOOSE.some((pattern) => pattern.test(line)));
}

function looseRequirements(requirements: string): readonly string[] {
  const lines = requirements.replaceAll('\\\n', ' ').split('\n');
  return lines.filter((line) => /^\w/.test(line) && !/--hash=sha256:[0-9a-f]{64}/.test(line));
}

/** Dangerous-Workflow, more strictly: no event that brings a stranger's code beside secrets, no expression in a script. */
export const dangerousWorkflow: ScorecardCheck = (tree) => [
  ...tree.paths.filter(isWorkflow).flatMap((path) => {
    const { on } = mapping(parse(text(tree, path)));
    const events = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(mapping(on));
    return events
      .filter((event) => ['pull_request_target', 'workflow_run', 'issue_comment', 'issues'].includes(String(event)))
      .map((event) => `${path}: starts on ${event}`);
  }),
  ...stepsOf(tree).flatMap(({ path, step }) => {
    const scripts = [step.run, mapping(step.with).script];
    return scripts.some((script) => String(script).includes('$' + '{{')) ? [`${path}: an expression in a script`] : [];
  }),
];

/** Security-Policy: a file with an address, words on disclosure, and times in days. */
export const securityPolicy: ScorecardCheck = (tree) => {
  const path = tree.paths.find((name) => /^(\.github\/|docs\/)?security\.md$/i.test(name));
  if (path === undefined) return ['there is no SECURITY.md'];
  const policy = text(tree, path).split('<!--')[0] ?? '';
  return [
    ...(/https:\/\/\S+|[\w.+-]+@[\w-]+\.\w+/.test(policy) ? [] : [`${path}: no address to report to`]),
    ...((policy.match(/vuln/gi) ?? []).length >= 2 && /disclos/i.test(policy)
      ? []
      : [`${path}: nothing on disclosure`]),
    ...((policy.match(/\b\d+ (working )?days\b/g) ?? []).length >= 2 ? [] : [`${path}: no time in days`]),
  ];
};

/** License: a file at the root, of the licence that the package states. */
export const license: ScorecardCheck = (tree) => {
  if (!tree.paths.includes('LICENSE')) return ['there is no LICENSE'];
  const stated = mapping(JSON.parse(text(tree, 'package.json'))).license;
  const apache = /Apache License\s+Version 2\.0/.test(text(tree, 'LICENSE'));
  return stated === 'Apache-2.0' && apache ? [] : ['LICENSE and package.json state different licences'];
};

/** Dependency-Update-Tool: Dependabot for what is used here, waiting a week; the preset for others does the same. */
export const dependencyUpdateTool: ScorecardCheck = (tree) => {
  const path = '.github/dependabot.yml';
  if (!tree.paths.includes(path)) return [`there is no ${path}`];
  const updates = mapping(parse(text(tree, path))).updates;
  const entries = (Array.isArray(updates) ? updates : []).map(mapping);
  const preset = mapping(JSON.parse(text(tree, 'default.json')));
  return [
    ...['github-actions', 'npm', 'gomod', 'cargo', 'pip', 'docker']
      .filter((ecosystem) => !entries.some((entry) => entry['package-ecosystem'] === ecosystem))
      .map((ecosystem) => `${path}: nothing updates ${ecosystem}`),
    ...entries
      .filter((entry) => Number(mapping(entry.cooldown)['default-days'] ?? 0) < 7)
      .map((entry) => `${path}: ${String(entry['package-ecosystem'])} waits less than a week`),
    ...(preset.minimumReleaseAge === '7 days' ? [] : ['default.json: waits less than a week']),
  ];
};

const MAGIC: readonly (readonly [string, string])[] = [
  ['7f454c46', 'ELF'],
  ['4d5a', 'PE'],
  ['cafebabe', 'Java or Mach-O'],
  ['feedface', 'Mach-O'],
  ['cffaedfe', 'Mach-O'],
  ['0061736d', 'WebAssembly'],
  ['504b0304', 'zip'],
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['fd377a585a', 'xz'],
  ['425a68', 'bzip2'],
  ['213c617263683e', 'ar'],
  ['edabeedb', 'rpm'],
];

/** Binary-Artifacts: no program and no archive but the named fixtures, by content and not by name. */
export const binaryArtifacts: ScorecardCheck = (tree) =>
  tree.paths
    .filter((path) => !BINARY_FIXTURES.has(path))
    .flatMap((path) => {
      const head = tree.read(path).subarray(0, 8).toString('hex');
      const kind = MAGIC.find(([magic]) => head.startsWith(magic))?.[1];
      return kind === undefined ? [] : [`${path}: ${kind}`];
    });

/** The names of `BINARY_FIXTURES` that are gone, so that the list cannot outlive its files. */
export const staleExceptions = (tree: Tree): readonly string[] =>
  [...BINARY_FIXTURES].filter((path) => !tree.paths.includes(path));

/** What Scorecard has a point for and cannot find here is explained in SECURITY.md, under the check's name. */
function explained(tree: Tree, check: string, found: boolean): readonly string[] {
  if (found) return [];
  const policy = tree.paths.includes('SECURITY.md') ? text(tree, 'SECURITY.md') : '';
  return new RegExp(`^- \\*\\*${check}\\*\\*: .{40}`, 'm').test(policy) ? [] : [`${check}: not found, not explained`];
}

/** Fuzzing: parsers of outside text get mutated documents. Scorecard counts fast-check alone. */
export const fuzzing: ScorecardCheck = (tree) => {
  const path = 'test/platform/fuzz.test.ts';
  const source = tree.paths.includes(path) ? text(tree, path) : '';
  const runs = Number(/const RUNS = (\d+)/.exec(source)?.[1] ?? 0);
  return [
    ...(runs >= 100 && source.includes('mutate(') ? [] : [`${path}: no mutated documents`]),
    ...explained(tree, 'Fuzzing', /from 'fast-check'/.test(source)),
  ];
};

/** SAST: the check of each commit runs the linters and type checker; Scorecard counts services alone. */
export const sast: ScorecardCheck = (tree) => {
  const steps = stepsOf(tree).filter(({ path }) => path === '.github/workflows/ci.yml');
  const { check } = mapping(mapping(JSON.parse(text(tree, 'package.json'))).scripts);
  const analysed = steps.some(({ step }) => step.run === '.ci/run') && text(tree, '.ci/run').includes('npm run check');
  return [
    ...(analysed && /biome ci/.test(String(check)) ? [] : ['no commit is analysed']),
    ...explained(
      tree,
      'SAST',
      steps.some(({ step }) => /^github\/codeql-action\/analyze@/.test(String(step.uses))),
    ),
  ];
};

/** Packaging and Signed-Releases: what a release is made of is published by a workflow, with its signatures. */
export const signedReleases: ScorecardCheck = (tree) => {
  const called = (file: string) => mapping(mapping(parse(text(tree, `.github/workflows/${file}`))).jobs);
  const { release, publish } = called('self-release.yml');
  const assets = stepsOf(tree)
    .filter(({ path }) => path === '.github/workflows/publish.yml')
    .map(({ step }) => String(mapping(step.with).files ?? ''))
    .join('\n');
  const evidence = mapping(mapping(publish).with)['evidence-id'];
  return [
    ...(String(mapping(release).uses).endsWith('/release-artifact.yml') ? [] : ['no release by the road']),
    ...(String(evidence).includes('needs.release.outputs.evidence-id') ? [] : ['a release without its evidence']),
    ...(assets.includes('steps.evidence.outputs.path') ? [] : ['assets without signatures']),
    ...explained(tree, 'Packaging', false),
  ];
};
