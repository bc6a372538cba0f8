import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { type RegistryDouble, startRegistry } from '@paved/testkit';
import { sign } from '../../../actions/sign/test/scenario.js';
import { type ProgramResult, runProgram } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { ARTIFACT, type InstanceName, type SigstoreContext, startContext } from './context.js';
import { askCosign } from './cosign.js';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const PREDICATE = 'https://example.com/p/v1';

/** An index with one platform, in a registry on loopback. */
interface RemoteRelease {
  readonly registry: RegistryDouble;
  readonly name: string;
  readonly index: Digest;
  readonly platform: Digest;
}

async function startRelease(): Promise<RemoteRelease> {
  const registry = await startRegistry();
  const repository = registry.store.repository('acme/app');
  const plant = (mediaType: string, document: object) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
    const digest = sha256(bytes);
    const nothing = { subject: undefined, artifactType: undefined, annotations: undefined };
    repository.manifests.set(digest, { digest, mediaType, bytes, ...nothing });
    return { mediaType, digest, size: bytes.length };
  };
  repository.blobs.set(sha256('{}'), Buffer.from('{}'));
  const platform = plant(MANIFEST, { config: { mediaType: CONFIG, digest: sha256('{}'), size: 2 }, layers: [] });
  const index = plant(INDEX, { manifests: [platform] });
  const name = `${new URL(registry.url).host}/acme/app`;
  return { registry, name, index: index.digest, platform: platform.digest };
}

/** Signs the release with the action, with both legacy tags. */
async function signRelease(
  { issuer, instances }: SigstoreContext,
  instance: InstanceName,
  { name, index }: RemoteRelease,
  inputs: Readonly<Record<string, string>>,
): Promise<void> {
  const { error, kit } = await sign(
    { issuer, sigstore: instances[instance] },
    {
      files: { 'workspace/p.json': '{"said":"it"}' },
      inputs: {
        ...{ 'image-name': name, 'image-digest': index, 'image-remote': 'true', legacy: 'true' },
        ...{ 'predicate-path': 'p.json', 'predicate-type': PREDICATE, ...inputs },
      },
    },
  );
  if (error !== undefined) throw error;
  expectThat('the action says what it signed', kit.summary().includes('Signatures'));
}

async function cosignLegacy(
  context: SigstoreContext,
  instance: InstanceName,
  reference: string,
  {
    attestation,
    flags,
    publicKey,
  }: { readonly attestation: boolean; readonly flags: readonly string[]; readonly publicKey?: string },
): Promise<ProgramResult> {
  const home = await mkdtemp(join(context.folder, 'home-'));
  const { trustedRootPath } = context.instances[instance];
  const keyPath = join(home, 'key.pub');
  if (publicKey !== undefined) await writeFile(keyPath, publicKey);
  const signer =
    publicKey === undefined
      ? ['--certificate-identity', context.identity, '--certificate-oidc-issuer', context.issuer.url]
      : ['--key', keyPath];
  const args = [
    ...(attestation ? ['verify-attestation', '--type', PREDICATE] : ['verify']),
    ...['--new-bundle-format=false', '--trusted-root', trustedRootPath, '--allow-http-registry'],
    ...[...signer, ...flags, reference],
  ];
  const result = await runProgram(context.cosign, args, { env: { HOME: home, TUF_ROOT: home } });
  await rm(home, { recursive: true, force: true });
  return result;
}

function legacyTest(
  name: string,
  instance: InstanceName,
  flags: readonly string[],
  inputsOf: (context: SigstoreContext) => Readonly<Record<string, string>>,
): EngineTest<SigstoreContext> {
  return {
    name: `legacy tags, ${name}: cosign verify and verify-attestation accept them, and refuse a changed one`,
    async run(context) {
      const release = await startRelease();
      try {
        await signRelease(context, instance, release, inputsOf(context));
        const ask = (digest: Digest, attestation: boolean) =>
          cosignLegacy(context, instance, `${release.name}@${digest}`, { attestation, flags });
        for (const digest of [release.index, release.platform]) {
          const answer = await ask(digest, false);
          expectThat(`cosign accepts the signature of ${digest}`, answer.status === 0, answer.stderr.slice(-1500));
        }
        const answer = await ask(release.index, true);
        expectThat('cosign accepts the attestation', answer.status === 0, answer.stderr.slice(-1500));
        expectThat('nothing is said about the platform', (await ask(release.platform, true)).status !== 0);
        moveTags(release);
        expectThat("cosign refuses another image's signature", (await ask(release.platform, false)).status !== 0);
        expectThat("cosign refuses another image's attestation", (await ask(release.platform, true)).status !== 0);
      } finally {
        await release.registry.close();
      }
    },
  };
}

/** A key of the user's, with no certificate in the layer: what `sign` writes there, and what cosign and `verify` ask of it. */
const underKey: EngineTest<SigstoreContext> = {
  name: 'legacy tags by a key: cosign verify --key accepts them, under that key alone, and refuses moved ones',
  async run(context) {
    const release = await startRelease();
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }).toString();
    try {
      await signRelease(context, 'real', release, {
        ...{ instance: 'key', key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() },
        ...{ 'fulcio-url': '', 'rekor-url': '', 'tsa-url': '', transparency: 'off' },
      });
      const flags = ['--insecure-ignore-tlog', '--private-infrastructure'];
      const ask = (digest: Digest, attestation: boolean, key = publicKey) =>
        cosignLegacy(context, 'real', `${release.name}@${digest}`, { attestation, flags, publicKey: pem(key) });
      for (const [digest, attestation] of [
        [release.index, false],
        [release.platform, false],
        [release.index, true],
      ] as const) {
        const answer = await ask(digest, attestation);
        expectThat(`cosign accepts what is about ${digest}`, answer.status === 0, answer.stderr.slice(-1500));
        const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
        expectThat('cosign refuses another key', (await ask(digest, attestation, other)).status !== 0);
      }
      moveTags(release);
      expectThat("cosign refuses another image's signature", (await ask(release.platform, false)).status !== 0);
      expectThat("cosign refuses another image's attestation", (await ask(release.platform, true)).status !== 0);
    } finally {
      await release.registry.close();
    }
  },
};

/** The tags of the index under the name of the platform. */
function moveTags({ registry, index, platform }: RemoteRelease): void {
  const { tags } = registry.store.repository('acme/app');
  for (const suffix of ['sig', 'att']) {
    const found = tags.get(`sha256-${digestHex(index)}.${suffix}`);
    if (found !== undefined) tags.set(`sha256-${digestHex(platform)}.${suffix}`, found);
  }
}

const fileStatement: EngineTest<SigstoreContext> = {
  name: 'a file signed by a statement that names it: cosign verify-blob-attestation accepts it, and no other file',
  async run(context) {
    const outcome = await sign(
      { issuer: context.issuer, sigstore: context.instances.real },
      {
        files: { 'workspace/artifact': ARTIFACT.toString('utf8') },
        inputs: { blobs: 'artifact', 'blob-content': 'dsse' },
      },
    );
    if (outcome.error !== undefined) throw outcome.error;
    const question = {
      bundle: await outcome.read('workspace/artifact.sigstore.json'),
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      ...{ identity: context.identity, issuer: context.issuer.url },
    };
    const { real } = context.instances;
    const answer = await askCosign(context.cosign, real, { ...question, artifact: ARTIFACT });
    expectThat('cosign accepts it', answer.status === 0, answer.stderr.slice(-1500));
    const other = await askCosign(context.cosign, real, { ...question, artifact: Buffer.from('other') });
    expectThat('cosign refuses other bytes', other.status !== 0);
  },
};

/** What is signed for verifiers that know no bundles, and for files by statement, before the real cosign. */
export const legacySuite = defineSuite<SigstoreContext>({
  engines: ['fulcio', 'rekor', 'timestamp-server', 'cosign'],
  start: startContext,
  tests: [
    legacyTest(
      'with a timestamp',
      'real',
      ['--use-signed-timestamps', '--insecure-ignore-tlog', '--private-infrastructure'],
      () => ({}),
    ),
    legacyTest('with an entry of Rekor v1', 'double', [], ({ instances }) => {
      const { rekorV1Url } = instances.double as { readonly rekorV1Url?: string };
      return { 'rekor-url': rekorV1Url ?? '', 'rekor-version': '1' };
    }),
    underKey,
    fileStatement,
  ],
});
