import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PREDICATE_TYPES } from '@paved/attestation';
import { githubClaims, startIssuer, startSigstore } from '@paved/testkit';
import { enginePath, installEngine } from '../engines/install.js';
import { identityInputs, type Signer, startAttestedImage } from '../engines/sigstore/attested-image.js';
import type { BenchCase } from './bench.js';

const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';

/** Both sides verify the provenance of one image in one registry, offline with the same trusted root, each in a new process. */
export async function cases(): Promise<readonly BenchCase[]> {
  await installEngine('cosign', (line) => void process.stderr.write(`${line}\n`));
  const issuer = await startIssuer();
  const sigstore = await startSigstore({ issuer });
  const claims = githubClaims({ jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`, jobWorkflowSha: 'c'.repeat(40) });
  const signer: Signer = { instance: sigstore, issuer, claims };
  const bench = await startAttestedImage(signer);
  const ours = () => runOurs(signer, bench.reference);
  const cosign = () => runCosign(signer, bench.reference);
  const requests = (run: () => Promise<number>) => async () => {
    const before = bench.registry.requests.length;
    await run();
    return bench.registry.requests.length - before;
  };
  const peer = (sample: () => Promise<number>, name = 'cosign verify-attestation') => ({ name, sample });
  return [
    {
      name: 'requests of one verification',
      metric: 'requests',
      unit: 'count',
      ours: requests(ours),
      peer: peer(requests(cosign)),
      goal: 1,
    },
    {
      name: 'wall time of one verification',
      metric: 'wall',
      unit: 'ms',
      ours,
      peer: peer(async () => (await cosign()) + (await emptyNode()), 'cosign + empty Node'),
      goal: 1,
    },
  ];
}

async function runOurs(signer: Signer, image: string): Promise<number> {
  const temp = mkdtempSync(join(tmpdir(), 'bench-verify-'));
  const inputs = { ...identityInputs(signer), image, require: 'provenance' };
  const env = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase().replaceAll(' ', '_')}`, value]),
  );
  return await timed(process.execPath, [resolve('dist/verify/index.js')], {
    ...env,
    RUNNER_TEMP: temp,
    GITHUB_WORKSPACE: temp,
    GITHUB_SERVER_URL: 'https://github.com',
  });
}

async function runCosign({ instance, issuer, claims }: Signer, image: string): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'bench-cosign-'));
  const root = join(home, 'trusted_root.json');
  writeFileSync(root, instance.trustedRoot);
  const args = [
    'verify-attestation',
    ...['--type', PREDICATE_TYPES.provenance, '--trusted-root', root],
    ...['--certificate-identity', `https://github.com/${claims.job_workflow_ref}`],
    ...['--certificate-oidc-issuer', issuer.url, '--use-signed-timestamps'],
    image,
  ];
  return await timed(enginePath('cosign'), args, { HOME: home, TUF_ROOT: home });
}

async function emptyNode(): Promise<number> {
  return await timed(process.execPath, ['-e', ''], {});
}

/** Milliseconds of one process. A side that says no has not done the work that is measured. */
async function timed(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const startedAt = performance.now();
  const { status, output } = await new Promise<{ status: number | null; output: string }>((done) => {
    const child = spawn(program, args, { env: { PATH: '/usr/bin:/bin', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-2000)));
    }
    child.on('close', (status) => done({ status, output }));
  });
  const wall = performance.now() - startedAt;
  if (status !== 0) throw new Error(`Cannot measure ${program}: it ended with ${status}\n${output}`);
  return wall;
}
