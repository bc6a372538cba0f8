import type { SigningCertificate } from './certificate.js';
import { SigstoreError } from './error.js';
import type { ExtensionName } from './extensions.js';
import type { TokenClaims } from './token.js';

export const GITHUB_SERVER_URL = 'https://github.com';

type Expected = readonly (readonly [ExtensionName, string | undefined])[];

/**
 * Proves, before anything is signed, that the certificate says what the job's own token says: SAN and every extension.
 * A difference means that the authority, or something between, certifies another identity than ours.
 * @param serverUrl the GitHub server that the instance puts before paths (default https://github.com)
 * @throws {SigstoreError} `CERTIFICATE_CLAIMS_MISMATCH` that names every field which differs
 */
export function assertCertificateMatchesClaims(
  certificate: SigningCertificate,
  claims: TokenClaims,
  serverUrl: string = GITHUB_SERVER_URL,
): void {
  const { extensions, san } = certificate;
  const faults: string[] = [];
  if (san !== `${serverUrl}/${claims.all.job_workflow_ref}`) faults.push('subjectAlternativeName');
  for (const [name, value] of required(claims, serverUrl)) {
    if (value === undefined || extensions[name] !== value) faults.push(name);
  }
  for (const [name, value] of optional(claims)) {
    // Older instances do not write these; one that is there must be true.
    if (extensions[name] !== undefined && extensions[name] !== value) faults.push(name);
  }
  if (faults.length === 0) return;
  throw new SigstoreError(
    'CERTIFICATE_CLAIMS_MISMATCH',
    `Cannot sign: the certificate differs from the identity token in ${faults.join(', ')}`,
    { hint: 'Check which Fulcio answered and its claim templates for GitHub; nothing was signed' },
  );
}

function required({ iss, all }: TokenClaims, serverUrl: string): Expected {
  const url = (path: string | undefined) => (path === undefined ? undefined : `${serverUrl}/${path}`);
  const run = `${all.repository}/actions/runs/${all.run_id}/attempts/${all.run_attempt}`;
  return [
    ['issuer', iss],
    ['buildSignerUri', url(all.job_workflow_ref)],
    ['buildSignerDigest', all.job_workflow_sha],
    ['runnerEnvironment', all.runner_environment],
    ['sourceRepositoryUri', url(all.repository)],
    ['sourceRepositoryDigest', all.sha],
    ['sourceRepositoryRef', all.ref],
    ['sourceRepositoryId', all.repository_id],
    ['sourceRepositoryOwnerUri', url(all.repository_owner)],
    ['sourceRepositoryOwnerId', all.repository_owner_id],
    ['buildConfigUri', url(all.workflow_ref)],
    ['buildConfigDigest', all.workflow_sha],
    ['buildTrigger', all.event_name],
    ['runInvocationUri', url(run)],
  ];
}

function optional({ sub, all }: TokenClaims): Expected {
  return [
    ['sourceRepositoryVisibility', all.repository_visibility],
    ['deploymentEnvironment', all.environment],
    ['tokenSubject', sub],
  ];
}
