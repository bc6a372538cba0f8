import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { digestHex, type parseDigest, sha256 } from '@paved/digest';
import type { Verification } from '../src/verification.js';
import {
  type Bench,
  failedChecks,
  honest,
  type LegacyLayer,
  NAME,
  startBench,
  startWorld,
  type World,
} from './world.js';

let world: World;
let bench: Bench;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
afterEach(() => bench.dispose());

async function failed(inputs: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const { outputs } = await bench.verify(inputs);
  const text = await readFile(outputs['verification-path'] ?? '', 'utf8');
  return failedChecks(JSON.parse(text) as Verification);
}

describe('a plain signature beside an image', () => {
  async function asked(inputs: Readonly<Record<string, string>>): Promise<boolean> {
    bench = await startBench(world);
    await bench.push([]);
    const signature = await world.sign('signature', {}, bench.digest);
    const provenance = await world.sign('provenance', honest(bench.digest).provenance, bench.digest);
    await bench.attach(bench.digest, [signature, provenance]);
    const before = bench.registry.requests.length;
    const image = `${bench.registry.host}/${NAME}@${bench.digest}`;
    const { error } = await bench.verify({ image, children: 'false', require: 'provenance', ...inputs });
    expect(error).toBeUndefined();
    const hex = digestHex(sha256(Buffer.from(signature)));
    return bench.registry.requests.slice(before).some(({ path }) => path.includes(hex));
  }

  test('is not fetched when nothing reads it', async () => {
    expect(await asked({})).toBe(false);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['required', { require: 'provenance\nsignature' }],
    ['required with an age', { require: 'provenance\nsignature<=1d' }],
    ['listed in a summary', { vsa: 'true', 'resource-uri': 'file:widget' }],
    ['explained', { explain: 'true' }],
    ['named in a command', { 'print-commands': 'true' }],
  ])('is fetched when it is %s', async (_name, inputs) => {
    expect(await asked(inputs)).toBe(true);
  });
});

describe('an image index', () => {
  const REQUIRE = { require: 'provenance' };
  let index: ReturnType<typeof parseDigest>;
  let image: string;

  async function start(): Promise<void> {
    bench = await startBench(world);
    await bench.push([]);
    index = await bench.pushIndex([bench.digest]);
    image = `${bench.registry.host}/${NAME}@${index}`;
    await bench.attach(index, [await world.sign('provenance', honest(index).provenance, index)]);
  }

  test('is refused when a manifest below it has no provenance, and passes when it has', async () => {
    await start();
    const child = `${bench.registry.host}/${NAME}@${bench.digest}`;
    expect(await failed({ image, ...REQUIRE })).toMatchObject({ [`provenance-signed ${child}`]: 'SUBJECT_MISMATCH' });
    await bench.attach(bench.digest, [await world.sign('provenance', honest(bench.digest).provenance, bench.digest)]);
    expect(await failed({ image, ...REQUIRE })).toEqual({});
  });

  test('has ages of its own, and those of the index where it names none', async () => {
    await start();
    await bench.attach(bench.digest, [await world.sign('provenance', honest(bench.digest).provenance, bench.digest)]);
    const [root, child] = [`${bench.registry.host}/${NAME}`, `${bench.registry.host}/${NAME}@${bench.digest}`];
    const at = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const ages = async (require: string, below: string) => await failed({ image, at, require, 'child-require': below });
    const [rootAge, childAge] = [`provenance-age ${root}`, `provenance-age ${child}`];
    const old = 'ATTESTATION_TOO_OLD';
    expect(await ages('provenance', 'provenance<=1d')).toEqual({ [childAge]: old });
    expect(await ages('provenance<=1d', 'provenance<=3d')).toEqual({ [rootAge]: old });
    expect(await ages('provenance<=1d', 'provenance')).toEqual({ [rootAge]: old, [childAge]: old });
    expect(await ages('provenance<=3d', 'provenance<=3d')).toEqual({});
  });

  test('reads a document that nobody asked for about the image, and below it only what is asked for', async () => {
    await start();
    const no = (digest: typeof index) => ({ ...honest(digest).verdict, verdict: 'fail' });
    await bench.attach(bench.digest, [
      await world.sign('provenance', honest(bench.digest).provenance, bench.digest),
      await world.sign('verdict', no(bench.digest), bench.digest),
    ]);
    const child = `${bench.registry.host}/${NAME}@${bench.digest}`;
    expect(await failed({ image, ...REQUIRE })).toEqual({});
    expect(await failed({ image, ...REQUIRE, 'child-require': 'provenance\nverdict' })).toEqual({
      [`verdict ${child}`]: 'VERDICT_NOT_PASS',
    });
    await bench.attach(index, [await world.sign('verdict', no(index), index)]);
    expect(await failed({ image, ...REQUIRE })).toEqual({
      [`verdict ${bench.registry.host}/${NAME}`]: 'VERDICT_NOT_PASS',
    });
  });

  test('may speak for the manifests below it in one bundle', async () => {
    await start();
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [index, bench.digest].map((digest) => ({ name: digest, digest: { sha256: digestHex(digest) } })),
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: honest(index).provenance,
    };
    await bench.attach(index, [await world.signPayload(Buffer.from(JSON.stringify(statement)))]);
    const { outputs, error } = await bench.verify({ image, ...REQUIRE });
    expect(error).toBeUndefined();
    const { artifacts } = JSON.parse(await readFile(outputs['verification-path'] ?? '', 'utf8')) as Verification;
    expect(artifacts.map(({ digest, parent }) => [digest, parent])).toEqual([
      [index, undefined],
      [bench.digest, index],
    ]);
  });

  test('alone counts when that is asked for', async () => {
    await start();
    expect(await failed({ image, ...REQUIRE, children: 'false' })).toEqual({});
  });

  test('that names what the registry does not have is refused', async () => {
    await start();
    const gone = bench.digest;
    bench.registry.store.repository(NAME).manifests.delete(gone);
    const found = await failed({ image, ...REQUIRE });
    expect(found[`artifact ${gone}`]).toBe('ARTIFACT_NOT_FOUND');
  });
});

describe('a referrer that is malformed', () => {
  test('does not hide a good one', async () => {
    bench = await startBench(world);
    const { provenance } = honest(bench.digest);
    const sign = () => world.sign('provenance', provenance, bench.digest);
    await bench.push([await sign(), await sign()]);
    const { manifests } = bench.registry.store.repository(NAME);
    const [referrer] = [...manifests.values()].filter(({ subject }) => subject === bench.digest);
    if (referrer !== undefined) manifests.set(referrer.digest, { ...referrer, bytes: Buffer.from('{') });
    expect(await failed({ require: 'provenance' })).toEqual({});
  });
});

describe('what cosign stored before bundles', () => {
  const SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json';

  function annotationsOf(bundle: string): Record<string, string> {
    const { certificate, timestampVerificationData } = JSON.parse(bundle).verificationMaterial;
    const pem = `-----BEGIN CERTIFICATE-----\n${certificate.rawBytes}\n-----END CERTIFICATE-----\n`;
    const [{ signedTimestamp }] = timestampVerificationData.rfc3161Timestamps;
    return {
      'dev.sigstore.cosign/certificate': pem,
      'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({ SignedRFC3161Timestamp: signedTimestamp }),
    };
  }

  function attestation(): Promise<LegacyLayer> {
    const predicateType = 'https://slsa.dev/provenance/v1';
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'widget', digest: { sha256: digestHex(bench.digest) } }],
      predicateType,
      predicate: honest(bench.digest).provenance,
    };
    return world.signLegacy(Buffer.from(JSON.stringify(statement)), predicateType);
  }

  async function signature(digest: string, type = 'cosign container image signature'): Promise<LegacyLayer> {
    const critical = { identity: { 'docker-reference': '' }, image: { 'docker-manifest-digest': digest }, type };
    const bytes = Buffer.from(JSON.stringify({ critical, optional: null }));
    const bundle = await world.signBlob(bytes, 'off');
    const signed = String(JSON.parse(bundle).messageSignature.signature);
    return {
      mediaType: SIMPLE,
      bytes,
      annotations: { 'dev.cosignproject.cosign/signature': signed, ...annotationsOf(bundle) },
    };
  }

  const tag = (suffix: string) => `sha256-${digestHex(bench.digest)}.${suffix}`;
  const ASKED = { require: 'provenance', 'legacy-tags': 'true', transparency: 'off' };

  test('is read from the .att tag where it is asked for, and only there', async () => {
    bench = await startBench(world);
    await bench.push([]);
    await bench.pushLegacy(tag('att'), [await attestation()]);
    expect(await failed(ASKED)).toEqual({});
    expect(await failed({ ...ASKED, 'legacy-tags': 'false' })).toMatchObject({
      'provenance-signed': 'ATTESTATION_MISSING',
    });
    expect(await failed({ ...ASKED, transparency: 'required' })).toMatchObject({
      'provenance-signed': 'LOG_ENTRY_MISSING',
    });
  });

  const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';
  const CERTIFICATE = 'dev.sigstore.cosign/certificate';
  const annotated = (layer: LegacyLayer, annotations: Record<string, string>): LegacyLayer => ({
    ...layer,
    annotations: { ...layer.annotations, ...annotations },
  });
  const stampOf = ({ annotations }: LegacyLayer) =>
    Buffer.from(JSON.parse(annotations[TIMESTAMP] ?? '').SignedRFC3161Timestamp, 'base64');
  const stamped = (layer: LegacyLayer, stamp: Buffer) =>
    annotated(layer, { [TIMESTAMP]: JSON.stringify({ SignedRFC3161Timestamp: stamp.toString('base64') }) });
  const without = (layer: LegacyLayer, name: string): LegacyLayer => ({
    ...layer,
    annotations: Object.fromEntries(Object.entries(layer.annotations).filter(([key]) => key !== name)),
  });
  const envelopeWith = (layer: LegacyLayer, change: (envelope: Record<string, string>) => object): LegacyLayer => ({
    ...layer,
    bytes: Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(layer.bytes).toString())))),
  });
  function changedPayload(layer: LegacyLayer): LegacyLayer {
    return envelopeWith(layer, (envelope) => {
      const payload = Buffer.from(envelope.payload ?? '', 'base64')
        .toString()
        .replace('npm pack', 'npm pacK');
      return { ...envelope, payload: Buffer.from(payload).toString('base64') };
    });
  }
  /** One bit of the timestamp's last byte, which is of the authority's signature. */
  function changedStamp(layer: LegacyLayer): LegacyLayer {
    const stamp = stampOf(layer);
    stamp[stamp.length - 1] = (stamp[stamp.length - 1] ?? 0) ^ 1;
    return stamped(layer, stamp);
  }

  type Tamper = (layer: LegacyLayer) => LegacyLayer | Promise<LegacyLayer>;
  test.each<[string, Tamper, string]>([
    ['one byte of what is signed changed', changedPayload, 'SIGNATURE_INVALID'],
    [
      'one byte more around what is signed',
      (layer) => ({ ...layer, bytes: Buffer.concat([layer.bytes, Buffer.from('\n')]) }),
      'TIMESTAMP_INVALID',
    ],
    [
      'a member more beside what is signed',
      (layer) => envelopeWith(layer, (envelope) => ({ ...envelope, more: 1 })),
      'TIMESTAMP_INVALID',
    ],
    ['one bit of the timestamp changed', changedStamp, 'TIMESTAMP_INVALID'],
    [
      'the timestamp of another attestation',
      async (layer) => stamped(layer, stampOf(await attestation())),
      'TIMESTAMP_INVALID',
    ],
    ['no timestamp', (layer) => without(layer, TIMESTAMP), 'TIMESTAMP_MISSING'],
    ['a timestamp that is none', (layer) => stamped(layer, Buffer.from('none')), 'TIMESTAMP_INVALID'],
    [
      'a timestamp annotation that is no JSON',
      (layer) => annotated(layer, { [TIMESTAMP]: '{' }),
      'ATTESTATION_MISSING',
    ],
    [
      'the certificate of another attestation',
      async (layer) => annotated(layer, { [CERTIFICATE]: (await attestation()).annotations[CERTIFICATE] ?? '' }),
      'SIGNATURE_INVALID',
    ],
    ['no certificate', (layer) => without(layer, CERTIFICATE), 'CERTIFICATE_MISSING'],
  ])('that rests on a timestamp is refused with %s', async (_name, tamper, code) => {
    bench = await startBench(world);
    await bench.push([]);
    await bench.pushLegacy(tag('att'), [await tamper(await attestation())]);
    expect(await failed(ASKED)).toMatchObject({ 'provenance-signed': code });
  });

  test('is accepted with a timestamp about the signature in it, as newer cosign writes it, and not with another', async () => {
    bench = await startBench(world);
    await bench.push([]);
    const stampedSignature = async () => {
      const bundle = await world.sign('provenance', honest(bench.digest).provenance, bench.digest);
      const bytes = Buffer.from(JSON.stringify(JSON.parse(bundle).dsseEnvelope));
      return { ...(await attestation()), bytes, annotations: annotationsOf(bundle) };
    };
    const layer = await stampedSignature();
    await bench.pushLegacy(tag('att'), [layer]);
    expect(await failed(ASKED)).toEqual({});
    await bench.pushLegacy(tag('att'), [stamped(layer, stampOf(await stampedSignature()))]);
    expect(await failed(ASKED)).toMatchObject({ 'provenance-signed': 'TIMESTAMP_INVALID' });
  });

  test.each<[string, () => Promise<LegacyLayer>, Record<string, string>]>([
    ['about this image passes', () => signature(bench.digest), {}],
    ['about another image is refused', () => signature(sha256('another')), { 'signature-signed': 'SUBJECT_MISMATCH' }],
    ['of another kind is refused', () => signature(bench.digest, 'x'), { 'signature-signed': 'SUBJECT_MISMATCH' }],
  ])('under the .sig tag %s', async (_name, layer, expected) => {
    bench = await startBench(world);
    await bench.push([]);
    await bench.pushLegacy(tag('sig'), [await layer()]);
    expect(await failed({ ...ASKED, require: 'signature' })).toEqual(expected);
  });
});

test('a layout is verified with all of its manifests', async () => {
  bench = await startBench(world);
  const folder = join(bench.kit.workspace, 'layout');
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const write = async (bytes: Buffer): Promise<{ digest: ReturnType<typeof sha256>; size: number }> => {
    await writeFile(join(blobs, digestHex(sha256(bytes))), bytes);
    return { digest: sha256(bytes), size: bytes.length };
  };
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const indexType = 'application/vnd.oci.image.index.v1+json';
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await write(Buffer.from('{}'))) };
  const child = await write(
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [] })),
  );
  const manifests = [{ mediaType: manifestType, ...child }];
  const index = await write(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests })));
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const named = { schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: indexType, ...index }] };
  await writeFile(join(folder, 'index.json'), JSON.stringify(named));
  const bundles = join(bench.kit.temp, 'bundles');
  await mkdir(bundles);
  const inputs = { image: '', 'layout-path': folder, bundles, require: 'provenance' };
  await writeFile(
    join(bundles, 'index.sigstore.json'),
    await world.sign('provenance', honest(index.digest).provenance, index.digest),
  );
  expect(await failed(inputs)).toMatchObject({ [`provenance-signed layout@${child.digest}`]: 'SUBJECT_MISMATCH' });
  await writeFile(
    join(bundles, 'child.sigstore.json'),
    await world.sign('provenance', honest(child.digest).provenance, child.digest),
  );
  expect(await failed(inputs)).toEqual({});
  const archive = join(bench.kit.temp, 'layout.tgz');
  execFileSync('tar', ['-czf', archive, '-C', folder, ...(await readdir(folder))]);
  expect(await failed({ ...inputs, 'layout-path': archive })).toEqual({});
  const left = await readdir(bench.kit.temp, { recursive: true });
  expect(left.filter((name) => name.endsWith('.tar'))).toEqual([]);
  await truncate(archive, 100);
  const { error } = await bench.verify({ ...inputs, 'layout-path': archive });
  expect(error).toMatchObject({ code: 'ARCHIVE_DAMAGED' });
});
