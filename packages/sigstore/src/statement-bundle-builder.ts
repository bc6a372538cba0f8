import { X509Certificate } from 'node:crypto';
import { STATEMENT_PAYLOAD_TYPE } from '@paved/attestation';
import { releaseMemory } from '@paved/digest';
import { type Bundle, toDSSEBundle } from '@sigstore/bundle';
import type { Artifact, BundleBuilder, BundleBuilderOptions } from '@sigstore/sign';

/** DSSE v1, "pre-authentication encoding", up to the length of the payload. */
const PREFIX = Buffer.from(`DSSEv1 ${Buffer.byteLength(STATEMENT_PAYLOAD_TYPE)} ${STATEMENT_PAYLOAD_TYPE}`);

/**
 * Makes v0.3 bundles around signed statements, as the library's builder does, with two differences: the envelope has no key id, which
 * no signature covers and for which go-securesystemslib skips a signature, and what was encoded for the signature is given back at once.
 */
export class StatementBundleBuilder implements BundleBuilder {
  readonly #options: BundleBuilderOptions;

  constructor(options: BundleBuilderOptions) {
    this.#options = options;
  }

  async create({ data }: Artifact): Promise<Bundle> {
    const { signer, witnesses } = this.#options;
    const encoded = Buffer.concat([PREFIX, Buffer.from(` ${data.length} `), data]);
    const { signature, key } = await signer.sign(encoded);
    releaseMemory(encoded);
    const parts = { artifact: data, artifactType: STATEMENT_PAYLOAD_TYPE, signature, certificateChain: false };
    const bundle =
      key.$case === 'publicKey'
        ? toDSSEBundle({ ...parts, ...(key.hint === undefined ? {} : { keyHint: key.hint }) })
        : toDSSEBundle({ ...parts, certificate: new X509Certificate(key.certificate).raw });
    for (const made of bundle.content.dsseEnvelope.signatures) made.keyid = '';
    const pem = key.$case === 'publicKey' ? key.publicKey : key.certificate;
    const said = await Promise.all(witnesses.map((witness) => witness.testify(bundle.content, pem)));
    bundle.verificationMaterial.tlogEntries = said.flatMap(({ tlogEntries }) => tlogEntries ?? []);
    bundle.verificationMaterial.timestampVerificationData = {
      rfc3161Timestamps: said.flatMap(({ rfc3161Timestamps }) => rfc3161Timestamps ?? []),
    };
    return bundle;
  }
}
