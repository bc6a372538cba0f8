import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildStatement, encodeStatement, parseBundleIndex } from '@paved/attestation';
import { digestHex, sha256 } from '@paved/digest';
import { runProgram } from '../program.js';
import { ARTIFACT, ARTIFACT_DIGEST, type InstanceName, PROVENANCE, type SigstoreContext } from './context.js';

/** What a run of the sign action in its own process left behind. */
export interface SignRun {
  /** Bundle texts by slot. */
  readonly bundles: ReadonlyMap<string, string>;
  /** Bundle beside the signed file. */
  readonly blob: string;
  readonly log: string;
}

const REPOSITORY = findRepository(dirname(fileURLToPath(import.meta.url)));
const SBOM = JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [] });

/** Starts the action as the runner does: a process with inputs in its environment, the token from a local endpoint. */
export async function runSignAction(context: SigstoreContext, name: InstanceName): Promise<SignRun> {
  const root = join(context.folder, `run-${name}`);
  const [workspace, temp] = [join(root, 'workspace'), join(root, 'temp')];
  await writeFiles(workspace, temp);
  const outputPath = join(root, 'output');
  await writeFile(outputPath, '');
  const tokens = await startTokenEndpoint(context);
  try {
    const { status, stdout, stderr } = await runProgram(process.execPath, [actionPath()], {
      cwd: workspace,
      env: {
        ...runnerFacts(context),
        ...inputs(context, name, temp),
        GITHUB_WORKSPACE: workspace,
        RUNNER_TEMP: temp,
        GITHUB_OUTPUT: outputPath,
        ACTIONS_ID_TOKEN_REQUEST_URL: `${tokens.url}/token?version=2`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
      },
    });
    if (status !== 0) throw new Error(`Cannot run sign: it ended with ${status}\n${stdout}${stderr}`);
    const folder = outputOf(await readFile(outputPath, 'utf8'), 'bundles-path');
    const blob = await readFile(join(workspace, 'out', 'artifact.sigstore.json'), 'utf8');
    return { bundles: await readBundles(folder), blob, log: `${stdout}${stderr}` };
  } finally {
    await tokens.close();
  }
}

async function writeFiles(workspace: string, temp: string): Promise<void> {
  const subjects = [{ name: 'artifact', digest: { sha256: digestHex(ARTIFACT_DIGEST) } }];
  const predicate = { buildDefinition: {}, runDetails: {} };
  const provenance = encodeStatement(buildStatement({ predicateType: PROVENANCE, subjects, predicate }));
  const files = [
    [join(workspace, 'out', 'artifact'), ARTIFACT],
    [join(temp, 'paved', 'provenance', 'x', 'provenance.intoto.json'), provenance],
    [join(temp, 'sboms', 'sbom.json'), SBOM],
  ] as const;
  for (const [path, bytes] of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
}

function inputs(context: SigstoreContext, name: InstanceName, temp: string): Record<string, string> {
  const { fulcioUrl, rekorUrl, tsaUrl, trustedRoot } = context.instances[name];
  const [workflow, sha] = [context.claims.job_workflow_ref?.split('@')[0] ?? '', context.claims.job_workflow_sha ?? ''];
  const values = {
    statements: join(temp, 'paved', 'provenance', 'x', 'provenance.intoto.json'),
    sboms: join(temp, 'sboms'),
    blobs: 'out/artifact',
    'subjects-path': 'out',
    'image-name': 'registry.example/acme/widget',
    'image-digest': sha256('a manifest'),
    'image-signature': 'true',
    'fulcio-url': fulcioUrl,
    'rekor-url': rekorUrl,
    'tsa-url': tsaUrl,
    'oidc-audience': 'sigstore',
    'server-url': 'https://github.com',
    'trusted-root': trustedRoot.trim(),
    transparency: 'required',
    'expected-workflow-path': workflow,
    'expected-workflow-sha': sha,
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value]));
}

/** What the runner tells every action. */
export function runnerFacts({ claims }: SigstoreContext): Record<string, string> {
  const claim = (name: string) => claims[name] ?? '';
  return {
    GITHUB_REPOSITORY: claim('repository'),
    GITHUB_REPOSITORY_ID: claim('repository_id'),
    GITHUB_REPOSITORY_OWNER_ID: claim('repository_owner_id'),
    GITHUB_SHA: claim('sha'),
    GITHUB_REF: claim('ref'),
    GITHUB_RUN_ID: claim('run_id'),
    GITHUB_RUN_ATTEMPT: claim('run_attempt'),
    GITHUB_EVENT_NAME: claim('event_name'),
    GITHUB_SERVER_URL: 'https://github.com',
    RUNNER_ENVIRONMENT: claim('runner_environment'),
  };
}

async function startTokenEndpoint(context: SigstoreContext): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const audience = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('audience') ?? '';
    void context.issuer
      .sign(context.claims, { audience })
      .then((value) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ value })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBundles(folder: string): Promise<ReadonlyMap<string, string>> {
  const index = parseBundleIndex(await readFile(join(folder, 'index.json'), 'utf8'));
  return new Map(
    await Promise.all(
      index.bundles.map(async ({ slot, path }) => [slot, await readFile(join(folder, path), 'utf8')] as const),
    ),
  );
}

/** `name<<delimiter`, the value, the delimiter. */
export function outputOf(text: string, name: string): string {
  const lines = text.split('\n');
  return lines[lines.findIndex((line) => line.startsWith(`${name}<<`)) + 1] ?? '';
}

/** What users run, where it was bundled; else what it is bundled from. */
function actionPath(): string {
  const bundled = join(REPOSITORY, 'dist', 'sign', 'index.js');
  return existsSync(bundled) ? bundled : join(REPOSITORY, 'build', 'actions', 'sign', 'src', 'main.js');
}

function findRepository(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder;
  const parent = resolve(folder, '..');
  if (parent === folder) throw new Error('Cannot find the repository above this file');
  return findRepository(parent);
}
