import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpClient } from '@paved/http';
import { type KeySession, openKeySession, parsePemKey, parseTrustedRoot, verifyBundle } from '@paved/sigstore';
import { type ProgramResult, runOrThrow, runProgram } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { ARTIFACT, ARTIFACT_DIGEST, PROVENANCE, type SigstoreContext, startContext, statement } from './context.js';
import { kmsTests } from './kms-tests.js';

/** RSA signs as PKCS #1 here: cosign knows no PSS for keys. */
const KEYS = {
  'ECDSA P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ECDSA P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'RSA 3072': () => generateKeyPairSync('rsa', { modulusLength: 3072 }),
  Ed25519: () => generateKeyPairSync('ed25519'),
} as const;
type KeyName = keyof typeof KEYS;

async function open(context: SigstoreContext, pem: string, logged: boolean, password?: string): Promise<KeySession> {
  const { rekorUrl, tsaUrl } = context.instances.real;
  const key = parsePemKey({ pem, rsaPadding: 'pkcs1', ...(password === undefined ? {} : { password }) });
  return await openKeySession({
    ...{ key, tsaUrl, http: new HttpClient() },
    ...(logged ? { rekorUrl, transparency: 'required' } : { transparency: 'off' }),
  });
}

function pemOf({ privateKey }: { readonly privateKey: KeyObject }): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

interface Question {
  readonly bundle: string;
  readonly publicKey: string;
  readonly logged: boolean;
  readonly predicateType?: string;
  readonly artifact?: Uint8Array;
}

/** `cosign verify-blob --key`, or `verify-blob-attestation --key` for a statement. */
export async function askCosignWithKey(context: SigstoreContext, question: Question): Promise<ProgramResult> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-key-'));
  try {
    await writeFile(join(folder, 'bundle.json'), question.bundle);
    await writeFile(join(folder, 'key.pub'), question.publicKey);
    await writeFile(join(folder, 'artifact'), question.artifact ?? ARTIFACT);
    const { predicateType } = question;
    const command =
      predicateType === undefined ? ['verify-blob'] : ['verify-blob-attestation', '--type', predicateType];
    const args = [
      ...command,
      ...['--key', join(folder, 'key.pub'), '--bundle', join(folder, 'bundle.json')],
      ...['--trusted-root', context.instances.real.trustedRootPath, '--use-signed-timestamps'],
      ...(question.logged ? [] : ['--insecure-ignore-tlog']),
      join(folder, 'artifact'),
    ];
    return await runProgram(context.cosign, args, { env: { HOME: folder, TUF_ROOT: folder } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Our own verification of the same question, under the key. */
export function verifyUnderKey(context: SigstoreContext, { bundle, publicKey, logged }: Question) {
  return verifyBundle({
    bundle,
    trustedRoot: parseTrustedRoot(context.instances.real.trustedRoot),
    artifactDigest: ARTIFACT_DIGEST,
    artifactBytes: ARTIFACT,
    policy: { publicKey, rsaPadding: 'pkcs1' },
    transparency: logged ? 'required' : 'off',
  });
}

/** Both accept what the session signs, and refuse it under another key and for other bytes. */
async function judge(context: SigstoreContext, session: KeySession, logged: boolean): Promise<void> {
  const { publicKey, algorithm } = session;
  const blob = { bundle: (await session.signBlob(ARTIFACT)).json, publicKey, logged };
  const signed = (await session.signStatement(statement(PROVENANCE, { buildDefinition: {} }))).json;
  for (const question of [blob, { ...blob, bundle: signed, predicateType: PROVENANCE }]) {
    verifyUnderKey(context, question);
    // cosign 3.1.3 signs files with P-384 over SHA-384 as we do, and then refuses them itself: it verifies over SHA-256.
    if (algorithm === 'ecdsa-p384-sha384') continue;
    const answer = await askCosignWithKey(context, question);
    expectThat('cosign accepts the bundle', answer.status === 0, answer.stderr.slice(-800));
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const strange = { ...question, publicKey: other.export({ format: 'pem', type: 'spki' }).toString() };
    expectThat('cosign refuses another key', (await askCosignWithKey(context, strange)).status !== 0);
    const changed = { ...question, artifact: Buffer.from('other bytes') };
    expectThat('cosign refuses other bytes', (await askCosignWithKey(context, changed)).status !== 0);
  }
}

function keyTest(name: KeyName, logged: boolean): EngineTest<SigstoreContext> {
  return {
    name: `key ${name}, ${logged ? 'logged' : 'with a timestamp'}: cosign --key and we accept file and statement`,
    run: async (context) => judge(context, await open(context, pemOf(KEYS[name]()), logged), logged),
  };
}

const cosignKey: EngineTest<SigstoreContext> = {
  name: 'key of cosign generate-key-pair: we open it with its password, sign, and cosign accepts it',
  async run(context) {
    const folder = await mkdtemp(join(tmpdir(), 'paved-cosign-key-'));
    const password = 'a password of a test';
    await runOrThrow(context.cosign, ['generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: password } });
    const session = await open(context, await readFile(join(folder, 'cosign.key'), 'utf8'), true, password);
    expectThat('it is this key', session.publicKey === (await readFile(join(folder, 'cosign.pub'), 'utf8')));
    await judge(context, session, true);
    await rm(folder, { recursive: true, force: true });
  },
};

const cosignSigned: EngineTest<SigstoreContext> = {
  name: 'what cosign signs with a key verifies with ours, and not under another key',
  async run(context) {
    const folder = await mkdtemp(join(tmpdir(), 'paved-cosign-signs-'));
    const env = { COSIGN_PASSWORD: 'x', HOME: folder, TUF_ROOT: folder };
    await runOrThrow(context.cosign, ['generate-key-pair'], { cwd: folder, env });
    await writeFile(join(folder, 'artifact'), ARTIFACT);
    const { rekorUrl, tsaUrl, fulcioUrl, trustedRootPath } = context.instances.real;
    const config = join(folder, 'signing_config.json');
    const start = '2020-01-01T00:00:00Z';
    await runOrThrow(context.cosign, [
      ...['signing-config', 'create', `--fulcio=url=${fulcioUrl},api-version=1,operator=a,start-time=${start}`],
      ...[`--rekor=url=${rekorUrl},api-version=2,operator=a,start-time=${start}`, '--rekor-config=ANY'],
      ...[`--tsa=url=${tsaUrl},api-version=1,operator=a,start-time=${start}`, '--tsa-config=ANY', `--out=${config}`],
    ]);
    const bundlePath = join(folder, 'bundle.json');
    const key = ['--key', join(folder, 'cosign.key'), '--bundle', bundlePath, '--yes'];
    const instance = ['--signing-config', config, '--trusted-root', trustedRootPath];
    await runOrThrow(context.cosign, ['sign-blob', ...key, ...instance, join(folder, 'artifact')], {
      cwd: folder,
      env,
    });
    const publicKey = await readFile(join(folder, 'cosign.pub'), 'utf8');
    const bundle = await readFile(bundlePath, 'utf8');
    verifyUnderKey(context, { bundle, publicKey, logged: true });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    let refused = false;
    try {
      const strange = other.export({ format: 'pem', type: 'spki' }).toString();
      verifyUnderKey(context, { bundle, publicKey: strange, logged: true });
    } catch {
      refused = true;
    }
    expectThat('another key is refused', refused);
    await rm(folder, { recursive: true, force: true });
  },
};

/** Keys of every kind before the real log and the real cosign, and AWS KMS before moto. */
export const keysSuite = defineSuite<SigstoreContext>({
  engines: ['fulcio', 'rekor', 'timestamp-server', 'cosign', 'gh'],
  start: startContext,
  tests: [
    keyTest('ECDSA P-256', true),
    keyTest('ECDSA P-384', true),
    keyTest('RSA 3072', true),
    keyTest('ECDSA P-256', false),
    keyTest('Ed25519', false),
    cosignKey,
    cosignSigned,
    ...kmsTests,
  ],
});
