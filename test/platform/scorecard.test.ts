import { describe, expect, test } from '@jest/globals';
import * as scorecard from './scorecard.js';
import { repositoryTree, type ScorecardCheck, staleExceptions, type Tree } from './scorecard.js';

const CHECKS: Readonly<Record<string, ScorecardCheck>> = {
  'Binary-Artifacts': scorecard.binaryArtifacts,
  'Dangerous-Workflow': scorecard.dangerousWorkflow,
  'Dependency-Update-Tool': scorecard.dependencyUpdateTool,
  Fuzzing: scorecard.fuzzing,
  License: scorecard.license,
  'Pinned-Dependencies': scorecard.pinnedDependencies,
  SAST: scorecard.sast,
  'Security-Policy': scorecard.securityPolicy,
  'Signed-Releases': scorecard.signedReleases,
  'Token-Permissions': scorecard.tokenPermissions,
};

const tree = repositoryTree();

/** The repository with one file changed, added or gone. */
function changed(path: string, change: (text: string) => string | Uint8Array | undefined): Tree {
  const before = tree.paths.includes(path) ? tree.read(path).toString('utf8') : '';
  const after = change(before);
  const others = tree.paths.filter((other) => other !== path);
  if (after === undefined) return { ...tree, paths: others };
  expect(after).not.toEqual(before);
  return { paths: [...others, path], read: (other) => (other === path ? Buffer.from(after) : tree.read(other)) };
}

const replace = (from: string | RegExp, to: string) => (text: string) => text.replace(from, () => to);
const [RELEASE, CI] = ['.github/workflows/release-artifact.yml', '.github/workflows/ci.yml'];

type Control = readonly [string, string, string, (text: string) => string | Uint8Array | undefined];

const CONTROLS: readonly Control[] = [
  ['Token-Permissions', 'all permissions at the top', CI, replace('permissions: {}', 'permissions: write-all')],
  ['Token-Permissions', 'no permissions at the top', RELEASE, replace('permissions: {}\n', '')],
  ['Token-Permissions', 'a write that is not listed', CI, replace('contents: read', 'contents: write')],
  ['Token-Permissions', 'one more write in seal', RELEASE, replace(/^ +packages: write/m, '      checks: write')],
  ['Token-Permissions', 'a source of a workflow', 'workflows/checks.yml', replace('contents: read', 'checks: write')],
  [
    'Token-Permissions',
    'a starter',
    'workflows/starters/go-binary.yml',
    replace(/^ +packages: write/m, '      checks: write'),
  ],
  ['Token-Permissions', 'a job without any', CI, replace(/ {4}permissions:\n.*\n/, '')],
  ['Pinned-Dependencies', 'an action by tag', CI, replace(/checkout@[0-9a-f]{40}/, 'checkout@v6')],
  [
    'Pinned-Dependencies',
    'a called workflow by tag',
    'workflows/starters/container.yml',
    replace(/@[0-9a-f]{40}/, '@v1'),
  ],
  ['Pinned-Dependencies', 'an action in an action', 'actions/seal/action.yml', replace('$/actions/push', 'a/b@main')],
  ['Pinned-Dependencies', 'an image of a job', CI, replace('    steps:', '    container: node:24\n    steps:')],
  ['Pinned-Dependencies', 'a script of the network', CI, replace('.ci/run', 'curl -fsS https://x.example | sh')],
  ['Pinned-Dependencies', 'npm install', '.ci/run', replace('npm ci', 'npm install')],
  ['Pinned-Dependencies', 'a script of npm', 'package.json', replace('biome ci .', 'npx biome ci .')],
  ['Pinned-Dependencies', 'a base image by tag', 'examples/container/Dockerfile', replace(/@sha256:[0-9a-f]{64}/, '')],
  ['Pinned-Dependencies', 'pip without a hash', 'examples/python-wheel/requirements.txt', (text) => `${text}\nx==1\n`],
  ['Pinned-Dependencies', 'no lock file', 'package-lock.json', () => undefined],
  ['Dangerous-Workflow', 'a stranger’s code', CI, replace('pull_request:', 'pull_request_target:')],
  ['Dangerous-Workflow', 'an expression in a shell', CI, replace('.ci/run', 'echo $' + '{{ github.head_ref }}')],
  ['Security-Policy', 'no file', 'SECURITY.md', () => undefined],
  ['Security-Policy', 'no address', 'SECURITY.md', replace(/https:\/\/\S+/g, '')],
  ['Security-Policy', 'no time', 'SECURITY.md', replace(/\d+ (working )?days/g, 'some days')],
  ['Security-Policy', 'nothing on disclosure', 'SECURITY.md', (text) => text.replaceAll(/disclos/gi, 'tell')],
  ['License', 'no file', 'LICENSE', () => undefined],
  ['License', 'another one in package.json', 'package.json', replace('"Apache-2.0"', '"MIT"')],
  ['Dependency-Update-Tool', 'no file', '.github/dependabot.yml', () => undefined],
  ['Dependency-Update-Tool', 'no actions', '.github/dependabot.yml', replace('github-actions', 'gitsubmodule')],
  ['Dependency-Update-Tool', 'no week', '.github/dependabot.yml', replace('default-days: 7', 'default-days: 0')],
  ['Dependency-Update-Tool', 'no week for others', 'default.json', replace('"7 days"', '"0 days"')],
  ['Binary-Artifacts', 'a program', 'bin/tool', () => Buffer.from('7f454c460201', 'hex')],
  ['Binary-Artifacts', 'a jar that is called text', 'docs/jar.md', () => Buffer.from('504b030414', 'hex')],
  ['Binary-Artifacts', 'an archive among fixtures', 'test/fixtures/x.tgz', () => Buffer.from('1f8b08', 'hex')],
  ['Fuzzing', 'no test', 'test/platform/fuzz.test.ts', () => undefined],
  ['Fuzzing', 'not explained', 'SECURITY.md', replace('**Fuzzing**', 'Fuzzing')],
  ['SAST', 'nothing runs', CI, replace('.ci/run', 'true')],
  ['SAST', 'not explained', 'SECURITY.md', replace('**SAST**', 'SAST')],
  [
    'Signed-Releases',
    'no evidence',
    '.github/workflows/publish.yml',
    replace(/.*steps\.evidence\.outputs\.path.*\n/, ''),
  ],
  [
    'Signed-Releases',
    'another evidence',
    '.github/workflows/self-release.yml',
    replace('needs.release.outputs.evidence-id', 'x'),
  ],
];

describe('what OpenSSF Scorecard asks of the files', () => {
  test.each(Object.entries(CHECKS))('%s', (_name, check) => {
    expect(check(tree)).toEqual([]);
  });

  test.each(CONTROLS)('%s goes red: %s', (name, _what, path, change) => {
    expect(CHECKS[name]?.(changed(path, change))).not.toEqual([]);
  });

  test('every check has a control, and every exception a file', () => {
    expect([...new Set(CONTROLS.map(([name]) => name))].sort()).toEqual(Object.keys(CHECKS).sort());
    expect(staleExceptions(tree)).toEqual([]);
  });
});
