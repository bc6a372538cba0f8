import type { ResourceDescriptor } from '@paved/attestation';
import type { VerifiedIdentity } from '@paved/sigstore';
import { type Check, compared } from './check.js';

/** The dependency that names the source must have the commit that the certificate proves. */
export function checkSourceCommit(
  dependencies: readonly ResourceDescriptor[] | undefined,
  identity: VerifiedIdentity,
): Check {
  const uri = `git+${identity.sourceRepositoryUri}@${identity.sourceRepositoryRef}`;
  const dependency = dependencies?.find((entry) => entry.uri === uri);
  const { sourceRepositoryDigest } = identity;
  return compared('source-commit', 'SOURCE_COMMIT_MISMATCH', dependency?.digest?.gitCommit, sourceRepositoryDigest);
}
