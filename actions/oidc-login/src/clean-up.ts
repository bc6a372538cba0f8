import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseRegistryHost, type RegistryCredentials, readRegistryCredentials } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import { secretOf } from './credential-file.js';
import { LoginError } from './error.js';
import { revokeToken } from './revoke-token.js';
import { type LoginState, readLogin } from './state.js';

/**
 * Revokes the access token and removes its file. The file goes even when the revocation fails; both failures are said.
 * @throws {LoginError} `REVOCATION_FAILED`, `CLEANUP_FAILED`
 */
export async function cleanUp(context: ActionContext): Promise<void> {
  const login = readLogin(context.state);
  if (login === undefined) return;
  const failures: unknown[] = [];
  await revoke(login, context).catch((error) => failures.push(error));
  await remove(login.path).catch((error) => failures.push(error));
  const [first, ...others] = failures;
  for (const other of others) context.log.warning(other instanceof Error ? other.message : 'The clean-up failed twice');
  if (first !== undefined) throw first;
}

async function revoke(login: LoginState, context: ActionContext): Promise<void> {
  const { path, registry, revocationUrl } = login;
  if (revocationUrl === undefined) return;
  // A login that failed, or was stopped before it had a token, has written nothing.
  if (!login.signedIn && !existsSync(path)) return;
  await revokeToken(context.http, revocationUrl, secretOf(await readToken(path, registry)));
  context.log.info('The access token is revoked');
  context.events.emit({ stage: 'login', event: 'revoked', registry });
}

async function readToken(path: string, registry: string): Promise<RegistryCredentials> {
  try {
    const credentials = await readRegistryCredentials(path, parseRegistryHost(registry));
    if (credentials !== undefined) return credentials;
  } catch (cause) {
    throw new LoginError('REVOCATION_FAILED', 'Cannot revoke the access token: its file is gone or was changed', {
      cause,
      hint: 'Revoke the token at the service, or wait until it ends; let no other step write its file',
    });
  }
  throw new LoginError('REVOCATION_FAILED', 'Cannot revoke the access token: its file names another registry', {
    hint: 'Revoke the token at the service, or wait until it ends; let no other step write its file',
  });
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    // The folder was made for this file alone.
    await rm(dirname(path), { recursive: true, force: true });
  } catch (cause) {
    throw new LoginError('CLEANUP_FAILED', `Cannot remove the credentials in "${path}"`, {
      cause,
      hint: 'On a machine that outlives the job, remove the file by hand',
    });
  }
}
