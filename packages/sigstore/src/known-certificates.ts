import type { SignedEntity } from '@sigstore/verify';
import type { TrustedRoot } from './trusted-root.js';

/** The library's certificate; the package that it comes from is not one of ours. */
type Certificate = Extract<SignedEntity['key'], { readonly $case: 'certificate' }>['certificate'];

const known = new WeakMap<TrustedRoot, Map<string, Certificate>>();

/**
 * The same entity with the certificate that was read for an earlier bundle under this trusted root, if its bytes are the same: a
 * release has one certificate for all its bundles. Only what the bytes alone decide is kept: encodings, and whether an issuer's key
 * signed them. Times, proofs and promises are checked for each bundle anew.
 */
export function withKnownCertificate(entity: SignedEntity, trustedRoot: TrustedRoot, der: Buffer): SignedEntity {
  const { key } = entity;
  if (key.$case !== 'certificate') return entity;
  const certificates = known.get(trustedRoot) ?? rememberAuthorities(trustedRoot);
  const bytes = der.toString('base64');
  const certificate = certificates.get(bytes) ?? remembering(key.certificate);
  certificates.set(bytes, certificate);
  return { ...entity, key: { $case: 'certificate', certificate } };
}

function rememberAuthorities(trustedRoot: TrustedRoot): Map<string, Certificate> {
  const { certificateAuthorities, timestampAuthorities } = trustedRoot.material;
  for (const { certChain } of [...certificateAuthorities, ...timestampAuthorities]) certChain.forEach(remembering);
  const certificates = new Map<string, Certificate>();
  known.set(trustedRoot, certificates);
  return certificates;
}

/** The library encodes a certificate anew for every comparison, and verifies it anew for every bundle. */
function remembering(certificate: Certificate): Certificate {
  const { root, tbsCertificate: tbs } = certificate;
  root.toDER = once(root.toDER.bind(root));
  tbs.toDER = once(tbs.toDER.bind(tbs));
  Object.defineProperty(certificate, 'publicKey', {
    configurable: true,
    get() {
      // From here on the library's own answer stands in the place of this property.
      Reflect.deleteProperty(certificate, 'publicKey');
      const { publicKey: value } = certificate;
      Object.defineProperty(certificate, 'publicKey', { value });
      return value;
    },
  });
  const verify = certificate.verify.bind(certificate);
  const answers = new Map<Certificate | undefined, boolean>();
  certificate.verify = (issuer) => {
    const answer = answers.get(issuer) ?? verify(issuer);
    answers.set(issuer, answer);
    return answer;
  };
  return certificate;
}

/** Asked for only when it is needed: a trusted root names authorities that had no part in this release. */
function once<T>(produce: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    known ??= { value: produce() };
    return known.value;
  };
}
