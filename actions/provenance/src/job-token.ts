import type { HttpClient } from '@paved/http';
import { array, object, record, string, unknown } from '@paved/json';
import { createLocalJWKSet, decodeJwt, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { ProvenanceError } from './error.js';
import { type JobClaims, parseJobClaims } from './job-claims.js';

/** Audience of the token that provenance reads; no service accepts it, so a leaked one opens nothing. */
export const PROVENANCE_AUDIENCE = 'paved-provenance';

const MAX_DOCUMENT_BYTES = 1024 * 1024;
const CLOCK_SKEW_SECONDS = 30;
/** GitHub signs with RS256; `none` and the HMAC family are never acceptable. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384'];

const discovery = object({ issuer: string, jwks_uri: string });
const keySet = object({ keys: array(record(unknown)) });

/**
 * Verifies `token` with the keys of `issuer`, which the caller fixed; nothing in the token chooses where keys come from.
 * @throws {ProvenanceError} `ISSUER_UNTRUSTED`, `TOKEN_EXPIRED`, `TOKEN_SIGNATURE_INVALID`, `TOKEN_AUDIENCE_WRONG`,
 *   `TOKEN_MALFORMED`, `CLAIM_MISSING`
 */
export async function verifyJobToken(http: HttpClient, issuer: string, token: string): Promise<JobClaims> {
  const keys = await fetchKeys(http, issuer);
  try {
    // Only for the error: without it a token of another issuer would read as a bad signature.
    if (decodeJwt(token).iss !== issuer) throw untrusted(issuer, 'the token is from another issuer');
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer,
      audience: PROVENANCE_AUDIENCE,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_SKEW_SECONDS,
      requiredClaims: ['exp', 'iat'],
    });
    return parseJobClaims(payload);
  } catch (error) {
    throw tokenError(error, issuer);
  }
}

async function fetchKeys(http: HttpClient, issuer: string): Promise<JSONWebKeySet> {
  const base = issuer.replace(/\/$/, '');
  const document = await getJson(http, `${base}/.well-known/openid-configuration`, discovery, base);
  if (document.issuer !== issuer)
    throw untrusted(base, `its discovery document names "${document.issuer.slice(0, 200)}"`);
  // Keys from another host would let whoever controls the document choose the signer.
  if (!URL.canParse(document.jwks_uri) || new URL(document.jwks_uri).origin !== new URL(base).origin) {
    throw untrusted(base, 'its keys are on another host');
  }
  return (await getJson(http, document.jwks_uri, keySet, base)) as JSONWebKeySet;
}

async function getJson<T>(
  http: HttpClient,
  url: string,
  decoder: (value: unknown, path?: string) => T,
  issuer: string,
): Promise<T> {
  try {
    return await (await http.request({ method: 'GET', url })).json(decoder, MAX_DOCUMENT_BYTES);
  } catch (cause) {
    throw untrusted(issuer, 'its keys cannot be read', cause);
  }
}

/** The errors of the library are not kept as cause: some carry the decoded payload. */
function tokenError(error: unknown, issuer: string): ProvenanceError {
  if (error instanceof ProvenanceError) return error;
  if (error instanceof errors.JWTExpired) {
    return new ProvenanceError('TOKEN_EXPIRED', 'Cannot accept the OIDC token: it has expired', {
      hint: 'Check the clock of the runner, then run the job again',
    });
  }
  if (error instanceof errors.JWTClaimValidationFailed) return claimError(error.claim, issuer);
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) {
    return new ProvenanceError(
      'TOKEN_SIGNATURE_INVALID',
      `Cannot accept the OIDC token: no key of ${issuer} made its signature`,
      { hint: 'Check that oidc-issuer is the issuer of this server' },
    );
  }
  return new ProvenanceError(
    'TOKEN_MALFORMED',
    'Cannot accept the OIDC token: it is no signed JWT of an accepted kind',
    { hint: 'Give the job id-token: write, and let no step set ACTIONS_ID_TOKEN_REQUEST_URL' },
  );
}

function claimError(claim: string, issuer: string): ProvenanceError {
  if (claim === 'iss') return untrusted(issuer, 'the token is from another issuer');
  if (claim === 'aud') {
    return new ProvenanceError(
      'TOKEN_AUDIENCE_WRONG',
      `Cannot accept the OIDC token: its audience is not ${PROVENANCE_AUDIENCE}`,
      { hint: 'Let no step set ACTIONS_ID_TOKEN_REQUEST_URL: the token is not the one that was asked for' },
    );
  }
  return new ProvenanceError('TOKEN_MALFORMED', `Cannot accept the OIDC token: its claim ${claim} is not acceptable`, {
    hint: 'Check that oidc-issuer is the issuer of this server, and that the job runs on GitHub',
  });
}

function untrusted(issuer: string, state: string, cause?: unknown): ProvenanceError {
  return new ProvenanceError('ISSUER_UNTRUSTED', `Cannot trust the issuer "${issuer}": ${state}`, {
    cause,
    hint: 'Set oidc-issuer to the issuer of this GitHub instance (https://token.actions.githubusercontent.com)',
  });
}
