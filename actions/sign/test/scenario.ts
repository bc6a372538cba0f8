import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import {
  type GitHubClaimsOptions,
  githubClaims,
  type Issuer,
  type Sigstore,
  startIssuer,
  startSigstore,
} from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

export const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
export const WORKFLOW_SHA = 'c'.repeat(40);

/** Claims that fit the facts of the test context. */
export const CLAIMS: GitHubClaimsOptions = {
  repository: 'octo/app',
  repositoryId: '1001',
  ownerId: '2002',
  sha: 'a'.repeat(40),
  runId: '3003',
  jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`,
  jobWorkflowSha: WORKFLOW_SHA,
};

/** The addresses that a job needs, of any instance. */
export interface Services {
  readonly issuer: Issuer;
  readonly sigstore: Pick<Sigstore, 'fulcioUrl' | 'rekorUrl' | 'tsaUrl' | 'trustedRoot'>;
}

export interface Instance extends Services {
  readonly sigstore: Sigstore;
  close(): Promise<void>;
}

export async function startInstance(): Promise<Instance> {
  const issuer = await startIssuer();
  const sigstore = await startSigstore({ issuer });
  return {
    issuer,
    sigstore,
    async close() {
      await Promise.all([sigstore.close(), issuer.close()]);
    },
  };
}

export interface Changes {
  readonly claims?: GitHubClaimsOptions;
  /** Inputs that differ from those of an honest job; an empty text takes one away. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Files by path below `temp/` or `workspace/`. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly kit: TestContext;
  readonly outputs: Readonly<Record<string, string | undefined>> | undefined;
  readonly error: unknown;
  readonly tokens: readonly string[];
  /** All files under the folders of the job, relative, sorted. */
  files(): Promise<readonly string[]>;
  read(path: string): Promise<string>;
}

/** Runs the action against an instance; in values, TEMP and WORKSPACE stand for the folders. */
export async function sign(instance: Services, changes: Changes = {}): Promise<Outcome> {
  const tokens: string[] = [];
  const kit = await testContext({
    action: 'sign',
    async idToken(audience) {
      const claims = githubClaims({ ...CLAIMS, ...changes.claims });
      const token = await instance.issuer.sign(claims, { audience });
      tokens.push(token);
      return token;
    },
  });
  const root = dirname(kit.temp);
  for (const [path, text] of Object.entries(changes.files ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  let outputs: Outcome['outputs'];
  let error: unknown;
  try {
    outputs = await run(await kit.inputs(definition, texts(instance, kit, changes)), kit.context);
  } catch (reason) {
    error = reason;
  }
  return {
    kit,
    outputs,
    error,
    tokens,
    files: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return names.map((name) => name.slice(root.length + 1)).sort();
    },
    read: (path) => readFile(join(root, path), 'utf8'),
  };
}

const EXPECTED_WORKFLOW = { 'expected-workflow-path': WORKFLOW, 'expected-workflow-sha': WORKFLOW_SHA };

function texts({ sigstore }: Services, kit: TestContext, changes: Changes): Record<string, string> {
  const values = {
    'fulcio-url': sigstore.fulcioUrl,
    'rekor-url': sigstore.rekorUrl,
    'tsa-url': sigstore.tsaUrl,
    'trusted-root': sigstore.trustedRoot,
    ...(changes.inputs?.instance === 'key' ? {} : EXPECTED_WORKFLOW),
    ...changes.inputs,
  };
  const place = (text: string) => text.replaceAll('TEMP', kit.temp).replaceAll('WORKSPACE', kit.workspace);
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, place(text)]));
}
