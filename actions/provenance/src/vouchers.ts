/**
 * Who stands behind a field. `oidc`: the issuer of the job's token. `api`: the server's jobs API. `seal`: this machine, which runs
 * paved code alone. `build`: the machine that ran user code, which may have been made to lie. `rehearsal`: only the environment of a job
 * without a token, so nobody; such provenance is refused wherever something is released.
 */
export type Voucher = 'oidc' | 'api' | 'seal' | 'build' | 'rehearsal';

/** JSON pointer into the predicate to voucher; a pointer covers all below it, the longest one counts. */
export const VOUCHERS: Readonly<Record<string, Voucher>> = {
  '/buildDefinition/buildType': 'seal',
  '/buildDefinition/externalParameters/source': 'oidc',
  '/buildDefinition/externalParameters/workflow': 'oidc',
  '/buildDefinition/externalParameters/inputs': 'seal',
  '/buildDefinition/internalParameters/github': 'oidc',
  '/buildDefinition/internalParameters/refProtected': 'oidc',
  '/buildDefinition/internalParameters/selfHostedAllowed': 'seal',
  '/buildDefinition/internalParameters/jobs': 'api',
  '/buildDefinition/internalParameters/isolation': 'build',
  '/buildDefinition/internalParameters/build': 'build',
  '/runDetails/builder/id': 'oidc',
  '/runDetails/builder/version/workflow': 'oidc',
  '/runDetails/builder/version/action': 'seal',
  '/runDetails/metadata/invocationId': 'oidc',
  '/runDetails/metadata/startedOn': 'api',
  '/runDetails/metadata/finishedOn': 'api',
};

/** Who stands behind what the token says in a release: in a rehearsal there is none. */
export function tokenVoucher(rehearsal: boolean): Voucher {
  return rehearsal ? 'rehearsal' : 'oidc';
}
