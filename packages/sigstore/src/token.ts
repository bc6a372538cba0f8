import { array, integer, object, oneOf, parseJson, record, refine, string, unknown } from '@paved/json';
import { SigstoreError } from './error.js';

/** Claims of an identity token, read without verifying its signature: Fulcio does that, and its certificate is compared with them. */
export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly audience: readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
  /** All claims whose value is a string. */
  readonly all: Readonly<Record<string, string>>;
}

const registered = object({
  iss: string,
  sub: string,
  aud: oneOf(
    array(string),
    refine(string, (audience) => [audience]),
  ),
  exp: integer,
});

/**
 * Reads the claims and holds the token to one audience, so that a token for another service is never sent to Fulcio.
 * @throws {SigstoreError} `ID_TOKEN_MALFORMED`, `ID_TOKEN_AUDIENCE`; neither shows any part of the token
 */
export function readTokenClaims(token: string, audience: string): TokenClaims {
  const claims = decode(token);
  if (claims.audience.length !== 1 || claims.audience[0] !== audience) {
    throw new SigstoreError(
      'ID_TOKEN_AUDIENCE',
      `Cannot use the identity token: it is not for audience "${audience}" alone`,
      {
        hint: 'Request the token with the audience of the Sigstore instance',
      },
    );
  }
  return claims;
}

function decode(token: string): TokenClaims {
  const [, payload, , ...rest] = token.split('.');
  try {
    if (payload === undefined || rest.length > 0) throw new RangeError('it does not have three parts');
    const text = Buffer.from(payload, 'base64url').toString('utf8');
    const { iss, sub, aud, exp } = parseJson('the claims', text, registered);
    const all = Object.entries(parseJson('the claims', text, record(unknown))).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    return { iss, sub, audience: aud, exp, all: Object.fromEntries(all) };
  } catch {
    // No cause: a JSON parser's message quotes what it read.
    throw new SigstoreError('ID_TOKEN_MALFORMED', 'Cannot read the identity token: it is not a JSON Web Token', {
      hint: 'Check that the job has the permission id-token: write',
    });
  }
}
