import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTrustedRoot } from '@paved/sigstore';
import { parseBundle } from '@paved/sigstore/bundle';
import { verifyMaterial } from '@paved/sigstore/verify-material';
import { installEngine } from '../engines/install.js';
import { runProgram } from '../engines/program.js';
import { ARTIFACT, startContext } from '../engines/sigstore/context.js';
import type { BenchCase } from './bench.js';
import { CosignSide } from './sign-cosign.js';
import { PREDICATE_TYPE, SignSide } from './sign-process.js';

const FILES = 100;
/** cosign takes a second and more for each file: it signs a tenth of them, and its time counts ten times. */
const PEER_FILES = 10;
/** 16 MB and a little less: the limit of an SBOM is 16 MiB. */
const SBOM_BYTES = 16_000_000;
const MAX_MEMORY_MIB = 200;

/** Real Fulcio, Rekor v2 and timestamp authority; each side in new processes, with what it makes judged by the other. */
export async function cases(): Promise<readonly BenchCase[]> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const paths = new Map<string, string>();
  for (const name of ['fulcio', 'rekor', 'timestamp-server', 'cosign'] as const) {
    paths.set(name, await installEngine(name, say));
  }
  const { context } = await startContext((name) => paths.get(name) ?? '');
  const ours = await SignSide.start(context);
  const cosign = await CosignSide.start(context);
  await judge(ours, cosign);
  const count = async (what: 'tokens' | 'certificates') => (await ours.sign(5))[what];
  return [
    { name: 'tokens for five statements', metric: 'requests', unit: 'count', ours: () => count('tokens'), goal: 1 },
    {
      name: 'certificates for five statements',
      metric: 'requests',
      unit: 'count',
      ours: () => count('certificates'),
      goal: 1,
    },
    {
      name: 'five statements beside one',
      metric: 'wall',
      unit: 'ms',
      ours: async () => (await ours.sign(5)).wallMs,
      peer: { name: 'one statement', sample: async () => (await ours.sign(1)).wallMs },
      goal: 1.3,
    },
    {
      name: 'five bundles in a registry',
      metric: 'wall',
      unit: 'ms',
      ours: () => ours.release(),
      peer: { name: 'cosign', sample: () => cosign.release() },
      goal: 1,
    },
    {
      name: '100 files',
      metric: 'wall',
      unit: 'ms',
      ours: async () => (await ours.signFiles(FILES)).wallMs,
      peer: { name: 'cosign (10 files, times 10)', sample: async () => (await cosign.signFiles(PEER_FILES)) * 10 },
      goal: 0.1,
    },
    {
      name: 'statement of a 16 MB SBOM',
      metric: 'peak-memory',
      unit: 'MiB',
      ours: async () => (await ours.signSbom(SBOM_BYTES)).peakMiB,
      goal: MAX_MEMORY_MIB,
    },
  ];
}

/** A side whose bundles the other refuses has not done the work that is measured. */
async function judge(ours: SignSide, cosign: CosignSide): Promise<void> {
  const { context } = ours;
  const folder = join(context.folder, 'judge');
  mkdirSync(folder);
  writeFileSync(join(folder, 'artifact'), ARTIFACT);
  await ours.release();
  await cosign.release();
  const { bundles } = await ours.sign(5);
  for (const [index, { json, predicateType }] of bundles.entries()) {
    writeFileSync(join(folder, `${index}.json`), json);
    const args = [
      ...['verify-blob-attestation', '--bundle', join(folder, `${index}.json`), '--type', predicateType],
      ...['--trusted-root', context.instances.real.trustedRootPath, '--use-signed-timestamps', '--insecure-ignore-sct'],
      ...['--certificate-identity', context.identity, '--certificate-oidc-issuer', context.issuer.url],
      ...['--digest', ours.digest.slice('sha256:'.length), '--digestAlg', 'sha256'],
    ];
    const { status, stderr } = await runProgram(context.cosign, args, { env: { HOME: folder, TUF_ROOT: folder } });
    if (status !== 0) throw new Error(`Cannot measure: cosign refuses our ${predicateType}\n${stderr.slice(-800)}`);
  }
  const theirs = await cosign.pull();
  if (theirs.length < 5) throw new Error(`Cannot measure: cosign left ${theirs.length} bundles in the registry`);
  const trustedRoot = parseTrustedRoot(readFileSync(context.instances.real.trustedRootPath, 'utf8'));
  for (const text of theirs) {
    // cosign attest writes statements of version 0.1, which our verification does not read; signature, log and time it does.
    const { certificate } = verifyMaterial({ bundle: parseBundle(text), trustedRoot, transparency: 'required' });
    if (certificate.san !== context.identity) throw new Error('Cannot measure: cosign signed as somebody else');
  }
  if (!bundles.some(({ predicateType }) => predicateType === PREDICATE_TYPE))
    throw new Error('Cannot measure: no predicate');
}
