import { type Digest, digestHex, sha256 } from '@paved/digest';
import { type Bench, NAME } from '../../../actions/verify/test/world.js';
import { type EngineTest, expectThat } from '../suite.js';
import type { SigstoreContext } from './context.js';
import { codesUnderKey, openLegacySigner, otherKey, withImage } from './image-bench.js';

type Layers = { annotations: Record<string, string>; digest: string; size: number }[];

/** Rewrites the manifest under the `.sig` tag of `of`, and puts it under that of `to`. */
function changeTag(bench: Bench, of: Digest, to: Digest, change: (layers: Layers) => void): void {
  const { tags, manifests } = bench.registry.store.repository(NAME);
  const named = (digest: Digest) => `sha256-${digestHex(digest)}.sig`;
  const found = manifests.get(tags.get(named(of)) ?? of);
  if (found === undefined) throw new Error(`Cannot change ${named(of)}: cosign did not write it`);
  const manifest = JSON.parse(found.bytes.toString('utf8')) as { layers: Layers };
  change(manifest.layers);
  const bytes = Buffer.from(JSON.stringify(manifest));
  manifests.set(sha256(bytes), { ...found, digest: sha256(bytes), bytes });
  tags.set(named(to), sha256(bytes));
}

function flipLast(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  return bytes.toString('base64');
}

/** Every way in which what cosign stored under the tag could be something else. */
async function refuseChanged(bench: Bench, publicKey: string, codes: () => Promise<string>): Promise<void> {
  const { blobs } = bench.registry.store.repository(NAME);
  const { digest } = bench;
  const cases: readonly (readonly [string, string, (layers: Layers) => void])[] = [
    [
      'one byte of the payload changed',
      'SIGNATURE_INVALID',
      ([layer]) => {
        const bytes = Buffer.from(blobs.get(layer?.digest as Digest) ?? '');
        // The last byte is a brace: a blank behind it keeps the document what it says.
        const changed = Buffer.concat([bytes, Buffer.from(' ')]);
        blobs.set(sha256(changed), changed);
        if (layer !== undefined) Object.assign(layer, { digest: sha256(changed), size: changed.length });
      },
    ],
    ...(['dev.cosignproject.cosign/signature'] as const).map(
      (name) =>
        [
          'one bit of the signature changed',
          'SIGNATURE_INVALID',
          ([layer]: Layers) => {
            if (layer !== undefined) layer.annotations[name] = flipLast(layer.annotations[name] ?? '');
          },
        ] as const,
    ),
    [
      'no entry of the log',
      'LOG_ENTRY_MISSING',
      ([layer]) => {
        if (layer !== undefined) delete layer.annotations['dev.sigstore.cosign/bundle'];
      },
    ],
  ];
  for (const [what, code, change] of cases) {
    const { tags } = bench.registry.store.repository(NAME);
    const tag = `sha256-${digestHex(digest)}.sig`;
    const before = tags.get(tag);
    changeTag(bench, digest, digest, change);
    const found = await codes();
    expectThat(`verify refuses ${what}`, found === code, found);
    if (before !== undefined) tags.set(tag, before);
  }
  expectThat('and accepts what was there', (await codes()) === '');
  const other = await codesUnderKey(bench, otherKey(), { 'legacy-tags': 'true' });
  expectThat('verify refuses another key', other === 'SIGNATURE_INVALID', other);
  const both = await codesUnderKey(bench, otherKey() + publicKey, { 'legacy-tags': 'true' });
  expectThat('either of two keys may have signed', both === '', both);
}

export const legacyKeyImage: EngineTest<SigstoreContext> = {
  name: "verify with public-key accepts what cosign sign --key puts under .sig, and no other key's, payload or image",
  async run(context) {
    const { cosign, unlogged, trustedRoot } = await openLegacySigner(context);
    await withImage(
      context,
      async (bench) => {
        const { username, password } = bench.registry.credentials;
        const registry = ['--registry-username', username, '--registry-password', password];
        await cosign.sign('sign', 'key', [...registry, bench.reference]);
        const codes = () => codesUnderKey(bench, cosign.publicKey, { 'legacy-tags': 'true' });
        expectThat('verify accepts it', (await codes()) === '', await codes());
        const unasked = await codesUnderKey(bench, cosign.publicKey);
        expectThat('no tag is read unasked', unasked === 'ATTESTATION_MISSING', unasked);
        await refuseChanged(bench, cosign.publicKey, codes);
        const index = await bench.pushIndex([bench.digest]);
        changeTag(bench, bench.digest, index, () => undefined);
        const moved = await codesUnderKey(bench, cosign.publicKey, {
          image: bench.reference.replace(bench.digest, index),
          'legacy-tags': 'true',
        });
        expectThat("verify refuses another image's payload", moved === 'SUBJECT_MISMATCH', moved);
      },
      trustedRoot,
    );
    await withImage(
      context,
      async (bench) => {
        const { username, password } = bench.registry.credentials;
        const registry = ['--registry-username', username, '--registry-password', password];
        await unlogged.sign('sign', 'key', [...registry, bench.reference]);
        const asked = { 'legacy-tags': 'true', transparency: 'off' };
        const off = await codesUnderKey(bench, unlogged.publicKey, asked);
        expectThat('verify accepts it without a log where none is asked for', off === '', off);
        const required = await codesUnderKey(bench, unlogged.publicKey, { 'legacy-tags': 'true' });
        expectThat('and only there', required === 'LOG_ENTRY_MISSING', required);
      },
      trustedRoot,
    );
  },
};
