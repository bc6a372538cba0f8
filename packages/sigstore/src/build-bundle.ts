import { createHash } from 'node:crypto';
import { STATEMENT_PAYLOAD_TYPE } from '@paved/attestation';
import { type Bundle, toDSSEBundle, toMessageSignatureBundle } from '@sigstore/bundle';
import type { VerificationMaterial } from '@sigstore/sign';

interface Signed {
  readonly bytes: Uint8Array;
  readonly signature: Buffer;
  /** DER of the one certificate: bundle v0.3 carries no chain. */
  readonly certificate: Buffer;
}

/** A v0.3 bundle around a statement, still without log entry and timestamp. */
export function buildStatementBundle({ bytes, signature, certificate }: Signed): Bundle {
  return toDSSEBundle({
    artifact: Buffer.from(bytes),
    artifactType: STATEMENT_PAYLOAD_TYPE,
    signature,
    certificate,
    certificateChain: false,
  });
}

/** A v0.3 bundle around a signature over bytes; the library's own builder would make a v0.2 one. */
export function buildBlobBundle({ bytes, signature, certificate }: Signed): Bundle {
  const digest = createHash('sha256').update(bytes).digest();
  return toMessageSignatureBundle({ digest, signature, certificate, certificateChain: false });
}

/** Puts what the witnesses said into the bundle. */
export function addMaterial(bundle: Bundle, materials: readonly VerificationMaterial[]): Bundle {
  return {
    ...bundle,
    verificationMaterial: {
      ...bundle.verificationMaterial,
      tlogEntries: materials.flatMap(({ tlogEntries }) => tlogEntries ?? []),
      timestampVerificationData: {
        rfc3161Timestamps: materials.flatMap(({ rfc3161Timestamps }) => rfc3161Timestamps ?? []),
      },
    },
  };
}
