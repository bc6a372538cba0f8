import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FactName } from '@paved/runner-kit';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type GitHubClaimsOptions, githubClaims, type Issuer, startGitHub, startIssuer } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { PROVENANCE_AUDIENCE } from '../src/job-token.js';
import { run } from '../src/run.js';

export const SHA = '1f2e3d4c5b6a79880123456789abcdef01234567';
export const WORKFLOW_SHA = 'c0ffee0000000000000000000000000000000001';
export const WORKFLOW_PATH = 'org/paved/.github/workflows/release-artifact.yml';
export const IMAGE_DIGEST = `sha256:${'d'.repeat(64)}`;

/** What one scenario changes; everything else is the run of an honest release. */
export interface Changes {
  readonly claims?: GitHubClaimsOptions;
  /** Claims that no builder makes, such as an absent one (`undefined`). */
  readonly rawClaims?: Readonly<Record<string, string | undefined>>;
  readonly token?: (issuer: Issuer, claims: Record<string, string>) => Promise<string>;
  readonly facts?: Partial<Record<FactName, string>>;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly buildJob?: {
    readonly name?: string;
    readonly runnerGroup?: string;
    readonly labels?: readonly string[];
    readonly conclusion?: 'success' | 'failure' | 'cancelled';
  };
  /** The job has no id-token permission. */
  readonly withoutToken?: boolean;
  readonly sealPermissions?: Readonly<Record<string, 'read' | 'write'>>;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly isolation?: Readonly<Record<string, unknown>>;
  readonly record?: Readonly<Record<string, unknown>>;
  /** Record of what was patched; without it there is none. */
  readonly patches?: Readonly<Record<string, unknown>>;
  /** Machines of their own by the key of their platform, and what differs on each; without them there is one. */
  readonly legs?: Readonly<Record<string, Pick<Changes, 'manifest' | 'isolation' | 'record' | 'patches' | 'buildJob'>>>;
  /** Files of the artifact folder; default one archive. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Text of the file that `checksums` names. */
  readonly checksums?: string;
}

export interface Outcome {
  readonly outputs: Readonly<Record<string, string | undefined>> | undefined;
  readonly error: unknown;
  readonly kit: TestContext;
  readonly requests: readonly { readonly path: string }[];
  readonly tokens: readonly string[];
  readonly runId: number;
  dispose(): Promise<void>;
}

/** Runs the action against an issuer and GitHub's API on loopback. */
export async function scenario(changes: Changes = {}): Promise<Outcome> {
  const issuer = await startIssuer();
  const github = await startGitHub({ issuer });
  github.addRepository({ owner: 'acme', name: 'widget', id: '900100', ownerId: '800200' });
  const started = github.createRun({
    repository: 'acme/widget',
    sha: SHA,
    ref: 'refs/heads/main',
    event: 'push',
    workflowPath: '.github/workflows/release.yml',
  });
  for (const [platform, { buildJob = {} }] of Object.entries(machinesOf(changes))) {
    const leg = platform === '' ? '' : ` (${platform.replaceAll('-', '/')})`;
    const { name = `release / build${leg}`, conclusion = 'success', ...runner } = buildJob;
    const build = github.startJob({ runId: started.id, name, permissions: {}, claims: {}, ...runner });
    github.finishJob(build.jobId, conclusion);
  }
  const permissions = changes.sealPermissions ?? ({ actions: 'read', 'id-token': 'write' } as const);
  const seal = github.startJob({ runId: started.id, name: 'release / seal', permissions, claims: {} });
  const tokens: string[] = [seal.githubToken];
  const claims = claimsOf(changes, String(started.id), String(seal.jobId));
  const idToken = async (audience: string) => {
    const token = await (changes.token?.(issuer, claims) ?? issuer.sign(claims, { audience }));
    tokens.push(token);
    return token;
  };
  const kit = await testContext({
    action: 'provenance',
    facts: { ...factsOf(github.url, String(started.id)), ...changes.facts },
    ...(changes.withoutToken === true ? {} : { idToken }),
  });
  const texts = {
    ...(await writeInputs(kit.temp, changes)),
    'oidc-issuer': issuer.url,
    'github-token': seal.githubToken,
  };
  let outputs: Outcome['outputs'];
  let error: unknown;
  try {
    outputs = await run(await kit.inputs(definition, { ...texts, ...changes.inputs }), kit.context);
  } catch (caught) {
    error = caught;
  }
  return {
    outputs,
    error,
    kit,
    requests: github.requests,
    tokens,
    runId: started.id,
    async dispose() {
      await kit.dispose();
      await github.close();
      await issuer.close();
    },
  };
}

function claimsOf(changes: Changes, runId: string, jobId: string): Record<string, string> {
  const all: Record<string, string | undefined> = {
    ...githubClaims({
      sha: SHA,
      runId,
      jobWorkflowRef: `${WORKFLOW_PATH}@refs/tags/v1`,
      jobWorkflowSha: WORKFLOW_SHA,
      ...changes.claims,
    }),
    check_run_id: jobId,
    ...changes.rawClaims,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function factsOf(apiUrl: string, runId: string): Partial<Record<FactName, string>> {
  return {
    repository: 'acme/widget',
    repositoryId: '900100',
    ownerId: '800200',
    sha: SHA,
    ref: 'refs/heads/main',
    runId,
    apiUrl,
    actionRef: WORKFLOW_SHA,
  };
}

function machinesOf(changes: Changes): NonNullable<Changes['legs']> {
  return changes.legs ?? { '': changes };
}

async function writeInputs(temp: string, changes: Changes): Promise<Record<string, string>> {
  const files = changes.files ?? { 'widget-1.0.0.tgz': 'bytes of the archive' };
  const paths: Record<string, string> = {};
  for (const [name, body] of Object.entries(files)) paths[`artifact/${name}`] = body as string;
  for (const [leg, { manifest, isolation, record, patches }] of Object.entries(machinesOf(changes))) {
    paths[`fetch-record/${leg}/fetch-manifest.json`] = JSON.stringify({ ...MANIFEST, ...manifest });
    paths[`fetch-record/${leg}/isolation.json`] = JSON.stringify({ ...ISOLATION, ...isolation });
    if (patches !== undefined) paths[`fetch-record/${leg}/image-patches.json`] = JSON.stringify(patches);
    paths[`build-record/${leg}/build-record.json`] = JSON.stringify({ ...RECORD, ...record });
  }
  paths['sboms/sbom-widget-cyclonedx.json'] = '{"bomFormat":"CycloneDX"}';
  paths['verdict.json'] = '{"verdict":"pass"}';
  const { checksums } = changes;
  if (checksums !== undefined) paths.SHA256SUMS = checksums;
  for (const [name, body] of Object.entries(paths)) {
    await mkdir(dirname(join(temp, name)), { recursive: true });
    await writeFile(join(temp, name), body);
  }
  await mkdir(join(temp, 'artifact'), { recursive: true });
  return {
    ...(checksums === undefined ? {} : { checksums: join(temp, 'SHA256SUMS') }),
    'subjects-path': join(temp, 'artifact'),
    'image-name': 'registry.example/acme/widget',
    'image-digest': IMAGE_DIGEST,
    'fetch-record-path': join(temp, 'fetch-record'),
    'build-record-path': join(temp, 'build-record'),
    byproducts: `${join(temp, 'sboms')}\n${join(temp, 'verdict.json')}`,
    'workflow-inputs': JSON.stringify({ name: 'widget', version: '1.0.0', command: 'npm pack', tags: '' }),
    'needs-results': JSON.stringify({
      build: { result: 'success', outputs: { 'artifact-id': '1' } },
      inspect: { result: 'success', outputs: { 'sboms-id': '2' } },
    }),
    'build-jobs': 'build',
    'expected-workflow-path': WORKFLOW_PATH,
    'expected-workflow-sha': WORKFLOW_SHA,
    'allowed-events': 'push workflow_dispatch schedule',
  };
}

export { PROVENANCE_AUDIENCE };

export const MANIFEST = {
  mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
  source: { repository: 'acme/widget', sha: SHA, path: '.' },
  root: { name: 'widget', version: '1.0.0', purl: 'pkg:npm/widget@1.0.0' },
  lockfiles: [{ path: 'package-lock.json', kind: 'npm', sha256: 'b'.repeat(64) }],
  packages: [
    {
      purl: 'pkg:npm/left@1.2.3',
      name: 'left',
      version: '1.2.3',
      ecosystem: 'npm',
      size: 10,
      digests: { sha256: 'c'.repeat(64) },
      lockDigest: 'sha512-AAAA',
      direct: true,
      scope: 'runtime',
      dependencies: [],
      locations: ['node_modules/left'],
    },
  ],
  fetchedAt: '2026-01-01T00:00:00Z',
};

const ISOLATION = {
  mediaType: 'application/vnd.paved.isolation.v1+json',
  method: 'user-namespace',
  hermetic: true,
  checks: [{ name: 'tcp', target: '1.1.1.1:443', outcome: 'blocked', detail: 'ENETUNREACH' }],
  kernel: '6.8.0',
  at: '2026-01-01T00:00:00Z',
};

const RECORD = {
  mediaType: 'application/vnd.paved.build-record.v1+json',
  command: 'npm pack',
  exitStatus: 0,
  startedOn: '2026-01-01T00:00:00Z',
  finishedOn: '2026-01-01T00:00:10Z',
  outputs: [{ path: 'widget-1.0.0.tgz', size: 20, sha256: 'e'.repeat(64) }],
  log: { path: 'build.log', sha256: `sha256:${'f'.repeat(64)}` },
};
