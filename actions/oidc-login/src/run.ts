import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRegistryHost, type RegistryCredentials, type RegistryHost } from '@paved/oci';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { assertAudience } from './audience.js';
import { basicText, credentialPath, secretOf, writeCredentialFile } from './credential-file.js';
import type { definition } from './definition.js';
import { LoginError } from './error.js';
import { assertRegistryOfServer } from './job-token.js';
import { revokeToken } from './revoke-token.js';
import { saveLogin, saveSignedIn } from './state.js';
import { exchangeToken } from './token-exchange.js';

type Inputs = InputsOf<typeof definition>;

interface Login {
  readonly credentials: RegistryCredentials;
  readonly expiresAt?: Date | undefined;
  /** Who the registry will see. */
  readonly identity: string;
}

/** Checks all inputs, says where the credentials will be, and only then asks for any: a job that is stopped leaves nothing that post does not know. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const registry = parseRegistryHost(inputs.registry);
  if (inputs.method === 'anonymous') return await readAsNobody(registry, context);
  const signIn =
    inputs.method === 'token-exchange' ? byExchange(inputs, context) : byJobToken(inputs, registry, context);
  const folder = await context.workDir();
  const path = credentialPath(folder);
  // The job's own token is never sent to a revocation endpoint: it ends with the job.
  const revocationUrl = inputs.method === 'token-exchange' ? inputs['revocation-url']?.href : undefined;
  saveLogin(context.state, { path, registry, revocationUrl });
  const login = await signIn();
  await keep(login.credentials, { folder, registry, revocationUrl, context });
  const expiresAt = login.expiresAt?.toISOString();
  context.log.info(
    `Signed in to ${registry} as ${login.identity}${expiresAt === undefined ? '' : ` until ${expiresAt}`}`,
  );
  context.events.emit({
    stage: 'login',
    event: 'signed-in',
    registry,
    method: inputs.method,
    identity: login.identity,
  });
  return { 'registry-config': path, 'expires-at': expiresAt };
}

interface Keeping {
  readonly folder: string;
  readonly registry: RegistryHost;
  readonly revocationUrl: string | undefined;
  readonly context: ActionContext;
}

/** Credentials that cannot be written are in no file that post could read: they are revoked at once. */
async function keep(credentials: RegistryCredentials, keeping: Keeping): Promise<void> {
  const { folder, registry, revocationUrl, context } = keeping;
  try {
    await writeCredentialFile(folder, registry, credentials);
    saveSignedIn(context.state);
  } catch (error) {
    if (revocationUrl !== undefined) {
      await revokeToken(context.http, revocationUrl, secretOf(credentials)).catch(() =>
        context.log.warning('The access token could not be revoked; it stays valid until it expires'),
      );
    }
    throw error;
  }
}

/** A file without credentials, so that what reads it next needs no condition. */
async function readAsNobody(registry: RegistryHost, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const path = join(await context.workDir(), 'config.json');
  await writeFile(path, '{"auths":{}}', { flag: 'wx', mode: 0o600 });
  context.log.info(`Nobody is signed in to ${registry}: what everybody may read is read`);
  context.events.emit({ stage: 'login', event: 'anonymous', registry });
  return { 'registry-config': path };
}

/** What signs in, once everything about it was checked. */
type SignIn = () => Promise<Login>;

function byExchange(inputs: Inputs, context: ActionContext): SignIn {
  const { 'token-url': tokenUrl, audience, scope, resource, username } = inputs;
  if (tokenUrl === undefined || audience === undefined) {
    throw new LoginError('LOGIN_INPUT_INVALID', 'Cannot exchange a token: token-url or audience is empty', {
      hint: 'Set both, or use method job-token',
    });
  }
  assertAudience(audience);
  if (username !== undefined) assertUsername(username);
  const mask = (secret: string) => context.mask(secret);
  const idToken = (name: string) => context.idToken(name);
  return async () => {
    const exchanged = await exchangeToken({ tokenUrl, audience, scope, resource, http: context.http, idToken, mask });
    const { token, expiresAt, subject } = exchanged;
    if (username === undefined) return { credentials: { kind: 'bearer', token }, expiresAt, identity: subject };
    return { credentials: basic(username, token, context), expiresAt, identity: subject };
  };
}

function byJobToken(inputs: Inputs, registry: RegistryHost, context: ActionContext): SignIn {
  const token = inputs['github-token'];
  if (token === undefined || /[\r\n\0]/.test(token)) {
    const state = token === undefined ? 'github-token is empty' : 'github-token holds a line break';
    throw new LoginError('LOGIN_INPUT_INVALID', `Cannot sign in with the token of the job: ${state}`, {
      hint: 'Set github-token to the github.token expression',
    });
  }
  assertRegistryOfServer(registry, context.runner.serverUrl);
  const username = inputs.username ?? context.runner.actor;
  assertUsername(username);
  return async () => ({ credentials: basic(username, token, context), identity: username });
}

function assertUsername(username: string): void {
  if (!/[:\p{Cc}]/u.test(username)) return;
  throw new LoginError('LOGIN_INPUT_INVALID', 'Cannot sign in: the user name holds a colon or a line break', {
    hint: 'Pass the user name alone; what stands behind a colon would be the password',
  });
}

function basic(username: string, password: string, context: ActionContext): RegistryCredentials {
  context.mask(password);
  context.mask(basicText(username, password));
  return { kind: 'basic', username, password };
}
