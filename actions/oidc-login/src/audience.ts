import { decodeJwt } from 'jose';
import { LoginError } from './error.js';

/** Whoever holds a token for one of these can sign as this job. */
const SIGNING = /sigstore|fulcio|rekor|cosign/;

/**
 * Refuses every audience that a Sigstore instance could accept: this action sends the token to another host.
 * Look-alikes are compared without case, punctuation and compatibility forms.
 * @throws {LoginError} `AUDIENCE_REFUSED`
 */
export function assertAudience(audience: string): void {
  const folded = audience
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
  const plain = /^[\x21-\x7e]{1,512}$/.test(audience);
  if (plain && !SIGNING.test(folded)) return;
  throw new LoginError(
    'AUDIENCE_REFUSED',
    'Cannot ask for a token: its audience is one for signing, or no plain text',
    {
      hint: 'Give the audience of the registry or its token service; signing is done by the sign action alone',
    },
  );
}

export interface IdTokenFacts {
  readonly subject: string;
}

/**
 * Reads what the token says before it is sent anywhere, and that it is for `audience` and nobody else.
 * @throws {LoginError} `AUDIENCE_MISMATCH`
 */
export function readIdToken(token: string, audience: string): IdTokenFacts {
  const claims = decode(token);
  if (claims?.aud !== audience) {
    throw new LoginError(
      'AUDIENCE_MISMATCH',
      'Cannot use the token of the job: its audience is not the one asked for',
      { hint: 'Let no step set ACTIONS_ID_TOKEN_REQUEST_URL: the token is not the one that was asked for' },
    );
  }
  return { subject: (claims.sub ?? '').replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 300) };
}

function decode(token: string) {
  try {
    return decodeJwt(token);
  } catch {
    // Without the cause: a parser's message may quote the token.
    return undefined;
  }
}
