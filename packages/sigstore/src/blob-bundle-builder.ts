import { createHash, X509Certificate } from 'node:crypto';
import { type Bundle, toMessageSignatureBundle } from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import type { Artifact, BundleBuilder, BundleBuilderOptions } from '@sigstore/sign';
import type { SignatureHash } from './key-algorithm.js';

/** Makes v0.3 bundles around signatures over bytes; the library's own builder for these writes v0.2, with a chain. */
export class BlobBundleBuilder implements BundleBuilder {
  readonly #options: BundleBuilderOptions;
  readonly #hash: SignatureHash;

  constructor(options: BundleBuilderOptions, hash: SignatureHash) {
    this.#options = options;
    this.#hash = hash;
  }

  async create({ data }: Artifact): Promise<Bundle> {
    const { signer, witnesses } = this.#options;
    const { signature, key } = await signer.sign(data);
    const digest = createHash(this.#hash).update(data).digest();
    const parts = { digest, signature, certificateChain: false };
    const bundle =
      key.$case === 'publicKey'
        ? toMessageSignatureBundle({ ...parts, ...(key.hint === undefined ? {} : { keyHint: key.hint }) })
        : toMessageSignatureBundle({ ...parts, certificate: new X509Certificate(key.certificate).raw });
    if (this.#hash === 'sha384') bundle.content.messageSignature.messageDigest.algorithm = HashAlgorithm.SHA2_384;
    const pem = key.$case === 'publicKey' ? key.publicKey : key.certificate;
    const said = await Promise.all(witnesses.map((witness) => witness.testify(bundle.content, pem)));
    bundle.verificationMaterial.tlogEntries = said.flatMap(({ tlogEntries }) => tlogEntries ?? []);
    bundle.verificationMaterial.timestampVerificationData = {
      rfc3161Timestamps: said.flatMap(({ rfc3161Timestamps }) => rfc3161Timestamps ?? []),
    };
    return bundle;
  }
}
