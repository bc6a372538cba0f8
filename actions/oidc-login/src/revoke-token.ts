import type { HttpClient } from '@paved/http';
import { LoginError } from './error.js';

const TIMEOUT_MS = 10_000;

/**
 * Revokes an access token (RFC 7009, 2.1); an unknown token is answered 200 as well, so a retry is harmless.
 * @throws {LoginError} `REVOCATION_FAILED`
 */
export async function revokeToken(http: HttpClient, url: string, token: string): Promise<void> {
  try {
    const response = await http.request({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      timeoutMs: TIMEOUT_MS,
      attempts: 4,
      accept: (status) => status === 200,
    });
    response.discard();
  } catch (cause) {
    throw new LoginError('REVOCATION_FAILED', 'Cannot revoke the access token: the service did not confirm it', {
      cause,
      hint: 'The token stays valid until it expires; revoke it by hand if that is too long',
    });
  }
}
