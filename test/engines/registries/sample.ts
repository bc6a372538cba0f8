import { sha256 } from '@paved/digest';
import {
  type BlobSource,
  buildBundleReferrer,
  bytesSource,
  describeBytes,
  type Manifest,
  manifestDescriptor,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushContentOptions,
  parseManifest,
  type Referrer,
  SIGSTORE_BUNDLE,
} from '@paved/oci';

export type Sample = PushContentOptions['layout'];

const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** An image of one empty layer that every tool can unpack; `name` makes its digest its own. */
export function sampleImage(name: string, architecture = 'amd64'): Sample {
  const tar = Buffer.alloc(1024);
  const config = {
    architecture,
    os: 'linux',
    config: { Labels: { name } },
    rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const parts = [describeBytes(CONFIG, configBytes), describeBytes(LAYER, tar)] as const;
  const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: parts[0], layers: [parts[1]] };
  const root = parseManifest(Buffer.from(JSON.stringify(document)), OCI_MANIFEST);
  return { root, manifests: [root], blobs: [bytesSource(parts[0], configBytes), bytesSource(parts[1], tar)] };
}

/** An index of two platforms. */
export function sampleIndex(name: string): Sample {
  const images = ['amd64', 'arm64'].map((architecture) => ({ architecture, ...sampleImage(name, architecture) }));
  const manifests = images.map(({ architecture, root }) => ({
    ...manifestDescriptor(root),
    platform: { architecture, os: 'linux' },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const root = parseManifest(bytes, OCI_INDEX);
  const blobs = new Map<string, BlobSource>();
  for (const blob of images.flatMap((image) => image.blobs)) blobs.set(blob.descriptor.digest, blob);
  return { root, manifests: [...images.map((image) => image.root), root], blobs: [...blobs.values()] };
}

/** Bundles about `subject`; what is in them is not looked at by a registry. */
export function sampleReferrers(subject: Manifest, count: number): readonly Referrer[] {
  return Array.from({ length: count }, (_, index) => {
    const predicateType = `https://example.test/predicate/${index}`;
    const payload = Buffer.from(JSON.stringify({ predicateType, subject: subject.digest })).toString('base64');
    const dsseEnvelope = { payload, payloadType: 'application/vnd.in-toto+json', signatures: [{ sig: 'AA==' }] };
    return buildBundleReferrer({
      bundle: Buffer.from(JSON.stringify({ mediaType: SIGSTORE_BUNDLE, dsseEnvelope })),
      subject: manifestDescriptor(subject),
      created: '2026-01-02T03:04:05Z',
      predicateType,
    });
  });
}
