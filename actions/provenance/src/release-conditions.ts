import { ProvenanceError } from './error.js';
import type { JobClaims } from './job-claims.js';

/**
 * Rule 4: an event that a stranger can trigger, or a ref that anybody may push to, must not make a release.
 * @param contextProtected what the runner says, used only where the issuer sends no `ref_protected` claim
 * @throws {ProvenanceError} `EVENT_NOT_ALLOWED`, `REF_NOT_PROTECTED`
 */
export function assertReleaseConditions(
  claims: JobClaims,
  options: {
    readonly allowedEvents: readonly string[];
    readonly requireProtectedRef: boolean;
    readonly contextProtected: boolean;
  },
): void {
  if (!options.allowedEvents.includes(claims.event_name)) {
    throw new ProvenanceError('EVENT_NOT_ALLOWED', `Cannot describe a build of event "${claims.event_name}"`, {
      hint: `Release from one of: ${options.allowedEvents.join(', ')}`,
    });
  }
  if (!options.requireProtectedRef || isProtected(claims, options.contextProtected)) return;
  throw new ProvenanceError(
    'REF_NOT_PROTECTED',
    `Cannot describe a build of "${claims.ref}": the ref is not protected`,
    {
      hint: 'Protect the branch or tag with a ruleset, then run the workflow again',
    },
  );
}

/** What the token says, or the runner where the issuer is silent. */
export function isProtected(claims: JobClaims, contextProtected: boolean): boolean {
  return claims.ref_protected === undefined ? contextProtected : claims.ref_protected === 'true';
}
