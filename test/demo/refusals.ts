import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { RunResult } from '@paved/local-runner';
import { createProject, type ReleaseInputs } from './project.js';
import { tagsOf } from './published.js';
import { release } from './release.js';
import { type Expected, verifyImage } from './verify.js';
import type { World } from './world.js';

/** One attack, and what stopped it. `refused` also asks that no tag appeared. */
export interface Refusal {
  readonly id: string;
  readonly attack: string;
  readonly refused: boolean;
  /** Job and step, or `verify`, or `before the run`. */
  readonly by: string;
  readonly code: string;
  readonly message: string;
  readonly durationMs: number;
}

export interface RefusalContext {
  readonly world: World;
  readonly source: string;
  readonly inputs: ReleaseInputs;
  /** The release that succeeded before: attacks on what was pushed start from it. */
  readonly published: { readonly repository: string; readonly digest: string; readonly tag: string };
  readonly owner: Expected;
}

type Attack = (context: RefusalContext) => Promise<Omit<Refusal, 'id' | 'attack' | 'durationMs'>>;

const VICTIM = { owner: 'acme', id: '7001', ownerId: '70' };

/** The five attacks, in the order of the README. */
export const ATTACKS: readonly { readonly id: string; readonly attack: string; readonly run: Attack }[] = [
  { id: 'changed-byte', attack: 'one byte of the artifact is changed between build and seal', run: changedByte },
  {
    id: 'kev',
    attack: 'a dependency has a vulnerability that CISA lists as exploited (CVE-2021-21315)',
    run: knownExploited,
  },
  {
    id: 'other-repository',
    attack: 'an artifact is pushed whose provenance names another repository',
    run: otherRepository,
  },
  { id: 'planted-statement', attack: 'the build plants a provenance statement of its own', run: plantedStatement },
  {
    id: 'own-server',
    attack: 'the caller points Fulcio, the token service and the registry at its own server',
    run: ownServer,
  },
];

export async function runAttack(context: RefusalContext, index: number): Promise<Refusal> {
  const entry = ATTACKS[index];
  if (entry === undefined) throw new RangeError(`Cannot run attack ${index}: there are ${ATTACKS.length}`);
  const startedAt = performance.now();
  const outcome = await entry.run(context);
  return { id: entry.id, attack: entry.attack, ...outcome, durationMs: Math.round(performance.now() - startedAt) };
}

/** How many attacks run at the same time: each is a release of its own, on machines of its own. */
const CONCURRENCY = 2;

/** Runs all attacks and reports them in their order, each as soon as those before it are through. */
export async function runAttacks(
  context: RefusalContext,
  onRefusal: (refusal: Refusal, index: number) => void,
): Promise<readonly Refusal[]> {
  const done: (Refusal | undefined)[] = ATTACKS.map(() => undefined);
  const queue = ATTACKS.keys();
  let reported = 0;
  const worker = async (): Promise<void> => {
    for (const index of queue) {
      done[index] = await runAttack(context, index);
      for (let next = done[reported]; next !== undefined; next = done[reported]) onRefusal(next, reported++);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return done.filter((refusal) => refusal !== undefined);
}

async function changedByte({ world, source, inputs }: RefusalContext) {
  const caller = createProject(join(world.folder, 'changed-byte'), { ...VICTIM, name: 'changed-byte', source, inputs });
  const result = await release(world, {
    caller,
    between: (job, { services }) => {
      if (job !== 'inspect') return;
      const artifact = services.artifacts.list().findLast((stored) => stored.name.startsWith('artifact'));
      if (artifact === undefined) throw new Error('Cannot tamper: no artifact was handed over');
      services.artifacts.tamper(artifact.id);
    },
  });
  return refusalOf(world, result, 'acme/changed-byte/tool');
}

async function knownExploited({ world }: RefusalContext) {
  const inputs = { name: 'tool', version: '1.0.0', command: 'npm run build', 'output-path': 'dist' };
  const caller = createProject(join(world.folder, 'exploited'), {
    ...VICTIM,
    name: 'exploited',
    source: 'examples/exploited-package',
    inputs,
  });
  return refusalOf(world, await release(world, { caller }), 'acme/exploited/tool');
}

/** The attacker's own release is genuine and signed; only the place it is served from is the victim's. */
async function otherRepository({ world, source, inputs, published, owner }: RefusalContext) {
  const attacker = { owner: 'mallory', name: 'tool', id: '6601', ownerId: '66' };
  const caller = createProject(join(world.folder, 'mallory'), { ...attacker, source, inputs });
  const result = await release(world, { caller });
  const digest = result.outputs.release?.digest ?? '';
  if (!result.ok) throw new Error('Cannot show the attack: the release of the other repository failed');
  copyWithReferrers(world, `mallory/tool/${inputs.name}`, published.repository, digest);
  const reference = `${world.registryHost}/${published.repository}@${digest}`;
  const verification = await verifyImage(world, reference, owner, published.tag);
  const failed = verification.checks.find((check) => !check.ok);
  return {
    refused: !verification.ok && failed !== undefined,
    by: 'verify',
    code: failed?.code ?? '',
    message: failed?.detail ?? '',
  };
}

function copyWithReferrers(world: World, from: string, to: string, digest: string): void {
  const [source, target] = [world.registry.store.repository(from), world.registry.store.repository(to)];
  for (const [key, blob] of source.blobs) target.blobs.set(key, blob);
  for (const [key, manifest] of source.manifests) {
    if (key === digest || manifest.subject === digest) target.manifests.set(key, manifest);
  }
}

async function plantedStatement({ world, source, inputs }: RefusalContext) {
  const statement = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'tool', digest: { sha256: '0'.repeat(64) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  });
  const caller = createProject(join(world.folder, 'planted'), {
    ...VICTIM,
    name: 'planted',
    source,
    files: { 'planted.txt': statement },
    inputs: { ...inputs, command: `${inputs.command}\ncp planted.txt dist/build-info.json`, 'output-path': 'dist' },
  });
  return refusalOf(world, await release(world, { caller }), 'acme/planted/tool');
}

/** Three ways to name an address; the attacker's server counts what reaches it. */
async function ownServer({ world, source, inputs }: RefusalContext) {
  let reached = 0;
  const server = createServer((_request, response) => {
    reached += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `http://${host}`;
  const attempts = [
    { name: 'as-input', inputs: { ...inputs, 'fulcio-url': url, 'token-url': url } },
    { name: 'as-name', inputs: { ...inputs, name: `../../../${host}/tool` } },
  ];
  const results: { readonly refused: boolean; readonly by: string; readonly code: string; readonly message: string }[] =
    [];
  for (const attempt of attempts) {
    const caller = createProject(join(world.folder, attempt.name), {
      ...VICTIM,
      name: attempt.name,
      source,
      inputs: attempt.inputs,
      env: {
        FULCIO_URL: url,
        SIGSTORE_FULCIO_URL: url,
        TOKEN_URL: url,
        INPUT_FULCIO_URL: url,
        'INPUT_FULCIO-URL': url,
      },
    });
    results.push(refusalOf(world, await release(world, { caller }), `acme/${attempt.name}/tool`));
  }
  server.closeAllConnections();
  server.close();
  return {
    refused: results.every((result) => result.refused) && reached === 0,
    by: results.map((result) => result.by).join('; '),
    code: results.map((result) => result.code).join(', '),
    message: `${reached} requests reached the caller's server. ${results.map((result) => result.message).join(' ')}`,
  };
}

/** The first error of the run; refused means that it failed and left no tag. */
export function refusalOf(
  world: World,
  result: RunResult,
  repository: string,
): Omit<Refusal, 'id' | 'attack' | 'durationMs'> {
  const untagged = tagsOf(world, repository).length === 0;
  if (result.error !== undefined) {
    return { refused: untagged, by: 'before the run', code: result.error.code, message: result.error.message };
  }
  for (const job of result.jobs) {
    const step = job.steps.find((candidate) => candidate.outcome === 'failure');
    const annotation = step?.annotations.find((candidate) => candidate.level === 'error');
    if (step === undefined) continue;
    const [code = '', ...rest] = (annotation?.message ?? '').split(': ');
    return { refused: untagged && !result.ok, by: `${job.id}, step "${step.name}"`, code, message: rest.join(': ') };
  }
  return { refused: false, by: '', code: '', message: 'the release went through' };
}
