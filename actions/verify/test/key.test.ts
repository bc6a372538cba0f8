import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement, PREDICATE_TYPES, type PredicateSlot } from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { type KeySession, openKeySession, parsePemKey } from '@paved/sigstore';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { legacyAttestation, legacySignature, simpleSigningPayload } from '../../sign/src/legacy-layers.js';
import { type Bench, failedChecks, honest, type LegacyLayer, startBench, startWorld, type World } from './world.js';

type Log = 'v1' | 'v2' | 'timestamp' | 'nothing';

const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const NOBODY = { issuer: '', 'workflow-path': '', 'signer-digests': '', 'repository-id': '', 'owner-id': '' };
const ASKED = { ...NOBODY, 'source-ref': '', require: 'signature', children: 'false', 'legacy-tags': 'true' };
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const LOG = 'dev.sigstore.cosign/bundle';

let world: World;
let bench: Bench;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
afterEach(() => bench.dispose());

async function start(): Promise<void> {
  bench = await startBench(world);
  await bench.push([]);
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'spki' }).toString();
}

/** What `public-key` is given: a file in the workspace. */
async function keyFile(text: string): Promise<string> {
  const path = join(bench.kit.workspace, 'key.pub');
  await writeFile(path, text);
  return path;
}

async function withSession<T>(log: Log, use: (session: KeySession) => Promise<T>, key = KEY): Promise<T> {
  const http = new HttpClient();
  const { rekorUrl, rekorV1Url, tsaUrl } = world.sigstore;
  const pem = key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const logs = { v1: { rekorUrl: rekorV1Url, rekorVersion: 1 }, v2: { rekorUrl, rekorVersion: 2 } } as const;
  const session = await openKeySession({
    ...{ key: parsePemKey({ pem, rsaPadding: 'pkcs1' }), http },
    ...(log === 'timestamp' ? { tsaUrl } : {}),
    ...(log === 'v1' || log === 'v2' ? { ...logs[log], transparency: 'required' } : { transparency: 'off' }),
  });
  try {
    return await use(session);
  } finally {
    session.close();
    http.close();
  }
}

/** The layer of a `.sig` tag, as `cosign sign --key` writes it. */
function signature(log: Log, digest: Digest = bench.digest, key = KEY): Promise<LegacyLayer> {
  const payload = simpleSigningPayload('example.com/widget', digest);
  return withSession(log, async (session) => legacySignature(payload, await session.signBlob(payload)), key);
}

function statementOf(slot: PredicateSlot, predicate: unknown): Buffer {
  const subjects = [{ name: 'widget', digest: { sha256: digestHex(bench.digest) } }];
  return encodeStatement(buildStatement({ predicateType: PREDICATE_TYPES[slot], subjects, predicate }));
}

function bundle(slot: PredicateSlot, predicate: unknown, log: Log = 'timestamp'): Promise<string> {
  return withSession(log, async (session) => (await session.signStatement(statementOf(slot, predicate))).json);
}

const tag = (suffix: string) => `sha256-${digestHex(bench.digest)}.${suffix}`;

async function failed(inputs: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const { outputs, error } = await bench.verify({ ...ASKED, ...inputs });
  if (outputs['verification-path'] === undefined) throw error;
  return failedChecks(JSON.parse(await readFile(outputs['verification-path'], 'utf8')));
}

async function underKey(inputs: Readonly<Record<string, string>> = {}, text = pemOf(KEY.publicKey)) {
  return await failed({ 'public-key': await keyFile(text), ...inputs });
}

test.each<[string, Log, string]>([
  ['an entry of Rekor v1', 'v1', 'required'],
  ['a timestamp', 'timestamp', 'off'],
  ['nothing beside it', 'nothing', 'off'],
])('a signature under the .sig tag with %s is accepted under its key', async (_name, log, transparency) => {
  await start();
  await bench.pushLegacy(tag('sig'), [await signature(log)]);
  expect(await underKey({ transparency })).toEqual({});
  expect(await underKey({ transparency, 'legacy-tags': 'false' })).toEqual({
    'signature-signed': 'ATTESTATION_MISSING',
  });
  expect(await underKey({ transparency }, pemOf(OTHER.publicKey))).toEqual({ 'signature-signed': 'SIGNATURE_INVALID' });
  // Any of the keys that were named: one is retired while the other signs.
  expect(await underKey({ transparency }, pemOf(OTHER.publicKey) + pemOf(KEY.publicKey))).toEqual({});
});

test('the report names the key, and no voucher', async () => {
  await start();
  await bench.pushLegacy(tag('sig'), [await signature('nothing')]);
  const path = await keyFile(pemOf(KEY.publicKey));
  const { outputs, error } = await bench.verify({ ...ASKED, 'public-key': path, transparency: 'off' });
  expect(error).toBeUndefined();
  const verification = JSON.parse(await readFile(outputs['verification-path'] ?? '', 'utf8'));
  const key = sha256(KEY.publicKey.export({ format: 'der', type: 'spki' }));
  const { detail } = verification.checks.find(({ name }: { name: string }) => name === 'signature-signed');
  expect(detail).toContain(`at no verified time, none, under key ${key}`);
  expect(verification.claims).toEqual([]);
  expect(verification.policy).toMatchObject({ keys: [{ publicKey: pemOf(KEY.publicKey) }] });
  expect(verification.policy).not.toHaveProperty('identity');
  const ajv = new Ajv2020({ strict: true });
  addFormats.default(ajv);
  const schema = new URL('../../../docs/schemas/verification.schema.json', import.meta.url);
  const validate = ajv.compile(JSON.parse(await readFile(schema, 'utf8')));
  validate(verification);
  expect(validate.errors).toBeNull();
});

type Tamper = (layer: LegacyLayer) => LegacyLayer | Promise<LegacyLayer>;

const annotated = (layer: LegacyLayer, more: Record<string, string>): LegacyLayer => ({
  ...layer,
  annotations: { ...layer.annotations, ...more },
});

/** One bit of the last byte of a base64 text. */
function flipped(base64: string | undefined): string {
  const bytes = Buffer.from(base64 ?? '', 'base64');
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  return bytes.toString('base64');
}

function logEntry(layer: LegacyLayer, change: (entry: { SignedEntryTimestamp: string }) => object): LegacyLayer {
  return annotated(layer, { [LOG]: JSON.stringify(change(JSON.parse(layer.annotations[LOG] ?? ''))) });
}

test.each<[string, Tamper, string]>([
  [
    'one byte of the payload changed',
    (layer) => ({ ...layer, bytes: Buffer.from(layer.bytes.toString().replace('widget', 'widgeT')) }),
    'SIGNATURE_INVALID',
  ],
  [
    'one bit of the signature changed',
    (layer) => annotated(layer, { [SIGNATURE]: flipped(layer.annotations[SIGNATURE]) }),
    'SIGNATURE_INVALID',
  ],
  ['the payload of another image', () => signature('v1', sha256('another')), 'SUBJECT_MISMATCH'],
  [
    "this image's payload, and the signature over another's",
    async (layer) => ({ ...layer, annotations: (await signature('v1', sha256('another'))).annotations }),
    'SIGNATURE_INVALID',
  ],
  ['the signature of another key', () => signature('v1', bench.digest, OTHER), 'SIGNATURE_INVALID'],
  [
    'the log entry of another signature',
    async (layer) => annotated(layer, { [LOG]: (await signature('v1')).annotations[LOG] ?? '' }),
    'LOG_ENTRY_MISMATCH',
  ],
  [
    'one bit of the promise changed',
    (layer) => logEntry(layer, (entry) => ({ ...entry, SignedEntryTimestamp: flipped(entry.SignedEntryTimestamp) })),
    'INCLUSION_PROMISE_INVALID',
  ],
  ['no log entry', () => signature('nothing'), 'LOG_ENTRY_MISSING'],
  ['a timestamp alone', () => signature('timestamp'), 'LOG_ENTRY_MISSING'],
])('a signature under the .sig tag is refused with %s', async (_name, tamper, code) => {
  await start();
  await bench.pushLegacy(tag('sig'), [await tamper(await signature('v1'))]);
  expect(await underKey()).toEqual({ 'signature-signed': code });
});

test('a log entry that is there must verify, also where none is asked for', async () => {
  await start();
  const broken = logEntry(await signature('v1'), (entry) => ({
    ...entry,
    SignedEntryTimestamp: flipped(entry.SignedEntryTimestamp),
  }));
  await bench.pushLegacy(tag('sig'), [broken]);
  expect(await underKey({ transparency: 'off' })).toEqual({ 'signature-signed': 'INCLUSION_PROMISE_INVALID' });
});

test('one good signature among others of strangers is enough', async () => {
  await start();
  const strangers = [await signature('v1', bench.digest, OTHER), await signature('v1', sha256('another'))];
  await bench.pushLegacy(tag('sig'), [...strangers, await signature('v1')]);
  expect(await underKey()).toEqual({});
});

test('without a key that was named a signature by key is nobody', async () => {
  await start();
  await bench.pushLegacy(tag('sig'), [await signature('v1')]);
  await expect(failed({})).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  const { outputs } = await bench.verify({ require: 'signature', children: 'false', 'legacy-tags': 'true' });
  const { checks } = JSON.parse(await readFile(outputs['verification-path'] ?? '', 'utf8'));
  expect(failedChecks({ checks })).toEqual({ 'signature-signed': 'CERTIFICATE_MISSING' });
});

test('a certificate is no key', async () => {
  await start();
  await bench.attach(bench.digest, [await world.sign('signature', {}, bench.digest)]);
  expect(await underKey()).toEqual({ 'signature-signed': 'KEY_MISMATCH' });
});

test('bundles and .att tags by key count for the documents that need no identity', async () => {
  await start();
  const { 'sbom-cyclonedx': sbom, 'sbom-spdx': spdx } = honest(bench.digest);
  const layer = await withSession('timestamp', async (session) => {
    const signed = await session.signStatement(statementOf('sbom-spdx', spdx));
    return await legacyAttestation(signed, PREDICATE_TYPES['sbom-spdx'], (bytes) => session.timestamp(bytes));
  });
  await bench.attach(bench.digest, [await bundle('sbom-cyclonedx', sbom, 'v2')]);
  await bench.pushLegacy(tag('att'), [layer]);
  const asked = { require: 'sbom-cyclonedx\nsbom-spdx', transparency: 'off' };
  expect(await underKey(asked)).toEqual({});
  expect(await underKey({ ...asked, transparency: 'required' })).toMatchObject({
    'sbom-spdx-signed': 'LOG_ENTRY_MISSING',
  });
  expect(await underKey(asked, pemOf(OTHER.publicKey))).toMatchObject({
    'sbom-cyclonedx-signed': 'SIGNATURE_INVALID',
    'sbom-spdx-signed': 'SIGNATURE_INVALID',
  });
});

test('an age counts from a verified time, and from nothing else', async () => {
  await start();
  await bench.pushLegacy(tag('sig'), [await signature('nothing')]);
  const aged = { transparency: 'off', require: 'signature<=1d' };
  expect(await underKey(aged)).toEqual({ 'signature-age': 'TIMESTAMP_MISSING' });
  expect(await underKey({ transparency: 'off', at: '2030-01-01' })).toEqual({
    'signature-signed': 'TIMESTAMP_MISSING',
  });
  await bench.pushLegacy(tag('sig'), [await signature('nothing'), await signature('timestamp')]);
  expect(await underKey(aged)).toEqual({});
});

test('a rehearsal under a key refuses, and other provenance is not believed', async () => {
  await start();
  const { provenance, signature: empty } = honest(bench.digest);
  const { buildDefinition, runDetails } = provenance as { buildDefinition: object; runDetails: { builder: object } };
  const rehearsal = {
    buildDefinition: { ...buildDefinition, internalParameters: { rehearsal: true } },
    runDetails: { ...runDetails, builder: { id: 'https://github.com/org/paved/x.yml@refs/tags/v1#rehearsal' } },
  };
  await bench.attach(bench.digest, [await bundle('signature', empty), await bundle('provenance', provenance)]);
  expect(await underKey({ transparency: 'off' })).toEqual({});
  await bench.attach(bench.digest, [await bundle('provenance', rehearsal)]);
  expect(await underKey({ transparency: 'off' })).toEqual({ 'builder-id': 'REHEARSAL_REFUSED' });
});

test('an RSA key of cosign signs pkcs1, which is asked for and never tried', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await start();
  const payload = simpleSigningPayload('example.com/widget', bench.digest);
  const pem = rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const http = new HttpClient();
  const session = await openKeySession({ key: parsePemKey({ pem, rsaPadding: 'pkcs1' }), http, transparency: 'off' });
  await bench.pushLegacy(tag('sig'), [legacySignature(payload, await session.signBlob(payload))]);
  session.close();
  http.close();
  const asked = { transparency: 'off', 'rsa-padding': 'pkcs1' };
  expect(await underKey(asked, pemOf(rsa.publicKey))).toEqual({});
  expect(await underKey({ ...asked, 'rsa-padding': 'pss' }, pemOf(rsa.publicKey))).toEqual({
    'signature-signed': 'SIGNATURE_INVALID',
  });
});

const pem = pemOf(KEY.publicKey);
test.each<[string, string, Readonly<Record<string, string>>]>([
  ['a private key', KEY.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), {}],
  ['a private key behind a public one', pem + KEY.privateKey.export({ format: 'pem', type: 'pkcs8' }), {}],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', {}],
  ['bytes that are no key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', {}],
  ['a truncated key', pem.slice(0, -10), {}],
  ['more keys than anybody has', pem.repeat(17), {}],
  ['an identity beside it', pem, { issuer: 'https://token.actions.githubusercontent.com' }],
  ['a workflow beside it', pem, { 'workflow-path': 'org/paved/.github/workflows/release.yml' }],
  ['a threshold', pem, { threshold: '2' }],
  ['provenance', pem, { require: 'provenance\nsignature' }],
  ['provenance of children', pem, { children: 'true' }],
  ['a summary', pem, { vsa: 'true' }],
  ['commands of gh', pem, { 'print-commands': 'true' }],
])('public-key with %s is wrong usage', async (_name, text, inputs) => {
  await start();
  await expect(underKey(inputs, text)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
