import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HttpClient } from '@paved/http';
import { parseReference, RegistryClient } from '@paved/oci';
import { parseTrustedRoot, verifyBundle } from '@paved/sigstore';
import { BundleBudget } from '../../../actions/verify/src/bundle-budget.js';
import { fetchBundles } from '../../../actions/verify/src/fetch-bundles.js';
import { type Bench, honest } from '../../../actions/verify/test/world.js';
import { type EngineTest, expectThat } from '../suite.js';
import {
  ARTIFACT,
  ARTIFACT_DIGEST,
  type InstanceName,
  PROVENANCE,
  type SigstoreContext,
  verifyOurselves,
} from './context.js';
import { type CosignSigner, openCosignSigner } from './cosign-signer.js';
import { codesUnderKey, openLegacySigner, otherKey, withImage } from './image-bench.js';
import { legacyKeyImage } from './legacy-key-test.js';
import { TAMPERINGS } from './tamper.js';

const NAME: InstanceName = 'real';
const V01 = 'https://in-toto.io/Statement/v0.1';

async function refused(verify: () => unknown): Promise<boolean> {
  try {
    await verify();
    return false;
  } catch {
    return true;
  }
}

async function signer(context: SigstoreContext): Promise<CosignSigner> {
  const { rekorUrl, trustedRootPath } = context.instances.real;
  return await openCosignSigner(context, { url: rekorUrl, version: 2, trustedRootPath });
}

/** What cosign writes beside a file: a signature, and an attestation of the provenance type. */
async function signFile(
  context: SigstoreContext,
  cosign: CosignSigner,
  by: 'identity' | 'key',
): Promise<Readonly<Record<'blob' | 'provenance', string>>> {
  const folder = await mkdtemp(join(context.folder, 'cosign-file-'));
  const at = (name: string) => join(folder, name);
  await writeFile(at('artifact'), ARTIFACT);
  await writeFile(at('predicate.json'), JSON.stringify(honest(ARTIFACT_DIGEST).provenance));
  await cosign.sign('sign-blob', by, ['--bundle', at('blob.json'), at('artifact')]);
  const predicate = ['--predicate', at('predicate.json'), '--type', PROVENANCE];
  await cosign.sign('attest-blob', by, [...predicate, '--bundle', at('provenance.json'), at('artifact')]);
  return { blob: await readFile(at('blob.json'), 'utf8'), provenance: await readFile(at('provenance.json'), 'utf8') };
}

function expectVersion(bundle: string): void {
  const payload = Buffer.from(String(JSON.parse(bundle).dsseEnvelope.payload), 'base64').toString('utf8');
  expectThat('cosign still writes statements of version 0.1', JSON.parse(payload)._type === V01, payload.slice(0, 200));
}

const keylessFile: EngineTest<SigstoreContext> = {
  name: 'we accept what cosign sign-blob and attest-blob write with an identity, and no changed byte of it',
  async run(context) {
    const bundles = await signFile(context, await signer(context), 'identity');
    expectVersion(bundles.provenance);
    for (const [of, bundle, predicateType] of [
      ['message', bundles.blob, undefined],
      ['dsse', bundles.provenance, PROVENANCE],
    ] as const) {
      const type = predicateType === undefined ? {} : { predicateType };
      const verified = verifyOurselves(context, NAME, { bundle, ...type });
      expectThat('it is in the log', verified.transparency === 'logged');
      for (const tampering of TAMPERINGS.filter((one) => one.of === 'any' || one.of === of)) {
        const changed = tampering.apply(bundle, ARTIFACT);
        const no = await refused(() => verifyOurselves(context, NAME, { ...changed, ...type }));
        expectThat(`we refuse ${of} with ${tampering.name}`, no);
      }
    }
  },
};

function underKey(context: SigstoreContext, bundle: string, publicKey: string, digest = ARTIFACT_DIGEST) {
  return verifyBundle({
    bundle,
    trustedRoot: parseTrustedRoot(context.instances[NAME].trustedRoot),
    artifactDigest: digest,
    ...(digest === ARTIFACT_DIGEST ? { artifactBytes: ARTIFACT } : {}),
    policy: { publicKey },
  });
}

const keyFile: EngineTest<SigstoreContext> = {
  name: 'we accept what cosign sign-blob and attest-blob write with a key, under that key alone',
  async run(context) {
    const cosign = await signer(context);
    for (const bundle of Object.values(await signFile(context, cosign, 'key'))) {
      underKey(context, bundle, cosign.publicKey);
      expectThat('another key is refused', await refused(() => underKey(context, bundle, otherKey())));
      const no = await refused(() => verifyOurselves(context, NAME, { bundle }));
      expectThat('a key is no identity', no);
    }
  },
};

/** An image on which cosign itself put a signature and a provenance. */
async function signImage(
  context: SigstoreContext,
  cosign: CosignSigner,
  bench: Bench,
  by: 'identity' | 'key',
): Promise<void> {
  const predicate = join(await mkdtemp(join(context.folder, 'cosign-image-')), 'predicate.json');
  await writeFile(predicate, JSON.stringify(honest(bench.digest).provenance));
  const { username, password } = bench.registry.credentials;
  const registry = ['--registry-username', username, '--registry-password', password];
  await cosign.sign('sign', by, [...registry, bench.reference]);
  await cosign.sign('attest', by, [...registry, '--predicate', predicate, '--type', PROVENANCE, bench.reference]);
}

const REQUIRED = { require: 'provenance\nsignature' };

async function acceptImage(bench: Bench, inputs: Readonly<Record<string, string>>): Promise<void> {
  const { error } = await bench.verify({ ...REQUIRED, ...inputs });
  expectThat('verify accepts the image', error === undefined, String(error));
  for (const [what, other] of [
    ['workflow', { 'workflow-path': 'org/paved/.github/workflows/other.yml' }],
    ['repository', { 'repository-id': '31337' }],
  ] as const) {
    const answer = await bench.verify({ ...REQUIRED, ...inputs, ...other });
    expectThat(`verify refuses another ${what}`, answer.error !== undefined);
  }
}

const keylessImage: EngineTest<SigstoreContext> = {
  name: 'verify accepts what cosign sign and attest put beside an image, and no other signer',
  run: (context) =>
    withImage(context, async (bench) => {
      await signImage(context, await signer(context), bench, 'identity');
      await acceptImage(bench, {});
    }),
};

const keyImage: EngineTest<SigstoreContext> = {
  name: 'we accept what cosign sign and attest put beside an image with a key, under that key alone',
  run: (context) =>
    withImage(context, async (bench) => {
      const cosign = await signer(context);
      await signImage(context, cosign, bench, 'key');
      const { registry, repository, digest } = parseReference(bench.reference);
      const http = new HttpClient();
      const client = new RegistryClient({ registry, http, credentials: undefined });
      const bundles = await fetchBundles(client.repository(repository), digest ?? ARTIFACT_DIGEST, new BundleBudget());
      http.close();
      expectThat('there are two bundles', bundles.length === 2, `${bundles.length}`);
      for (const { text } of bundles) {
        underKey(context, text, cosign.publicKey, bench.digest);
        expectThat('another key is refused', await refused(() => underKey(context, text, otherKey(), bench.digest)));
      }
      expectThat('verify takes no key that was not named', (await bench.verify(REQUIRED)).error !== undefined);
      expectThat('the action accepts it under the key', (await codesUnderKey(bench, cosign.publicKey)) === '');
      const codes = await codesUnderKey(bench, otherKey());
      expectThat('and not under another', codes === 'SIGNATURE_INVALID', codes);
    }),
};

const legacyImage: EngineTest<SigstoreContext> = {
  name: 'verify with legacy-tags accepts what cosign puts under .sig and .att tags, and reads them only then',
  async run(context) {
    const { cosign, trustedRoot } = await openLegacySigner(context);
    await withImage(
      context,
      async (bench) => {
        await signImage(context, cosign, bench, 'identity');
        await acceptImage(bench, { 'legacy-tags': 'true' });
        expectThat('no tag is read unasked', (await bench.verify(REQUIRED)).error !== undefined);
      },
      trustedRoot,
    );
  },
};

/** The other direction: what cosign signs before the real servers, judged by ours. */
export const cosignSignedTests: readonly EngineTest<SigstoreContext>[] = [
  keylessFile,
  keyFile,
  keylessImage,
  keyImage,
  legacyImage,
  legacyKeyImage,
];
