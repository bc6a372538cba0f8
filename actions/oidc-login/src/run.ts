import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRegistryHost, type RegistryCredentials, type RegistryHost } from '@paved/oci';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { basicText, writeCredentialFile } from './credential-file.js';
import type { definition } from './definition.js';
import { LoginError } from './error.js';
import { assertRegistryOfServer } from './job-token.js';
import { saveLogin } from './state.js';
import { exchangeToken } from './token-exchange.js';

type Inputs = InputsOf<typeof definition>;

interface Login {
  readonly credentials: RegistryCredentials;
  readonly expiresAt?: Date | undefined;
  /** Who the registry will see. */
  readonly identity: string;
}

export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const registry = parseRegistryHost(inputs.registry);
  if (inputs.method === 'anonymous') return await readAsNobody(registry, context);
  const exchanging = inputs.method === 'token-exchange';
  const login = exchanging ? await loginByExchange(inputs, context) : loginByJobToken(inputs, registry, context);
  const path = await writeCredentialFile(await context.workDir(), registry, login.credentials);
  // The job's own token is never sent to a revocation endpoint: it ends with the job.
  const revocationUrl = exchanging ? inputs['revocation-url']?.href : undefined;
  saveLogin(context.state, { path, registry, revocationUrl });
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

/** A file without credentials, so that what reads it next needs no condition. */
async function readAsNobody(registry: RegistryHost, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const path = join(await context.workDir(), 'config.json');
  await writeFile(path, '{"auths":{}}', { flag: 'wx', mode: 0o600 });
  context.log.info(`Nobody is signed in to ${registry}: what everybody may read is read`);
  context.events.emit({ stage: 'login', event: 'anonymous', registry });
  return { 'registry-config': path };
}

async function loginByExchange(inputs: Inputs, context: ActionContext): Promise<Login> {
  const { 'token-url': tokenUrl, audience, scope, resource, username } = inputs;
  if (tokenUrl === undefined || audience === undefined) {
    throw new LoginError('LOGIN_INPUT_INVALID', 'Cannot exchange a token: token-url or audience is empty', {
      hint: 'Set both, or use method job-token',
    });
  }
  const mask = (secret: string) => context.mask(secret);
  const idToken = (name: string) => context.idToken(name);
  const exchanged = await exchangeToken({ tokenUrl, audience, scope, resource, http: context.http, idToken, mask });
  const { token, expiresAt, subject } = exchanged;
  if (username === undefined) return { credentials: { kind: 'bearer', token }, expiresAt, identity: subject };
  return { credentials: basic(username, token, context), expiresAt, identity: subject };
}

function loginByJobToken(inputs: Inputs, registry: RegistryHost, context: ActionContext): Login {
  const token = inputs['github-token'];
  if (token === undefined) {
    throw new LoginError('LOGIN_INPUT_INVALID', 'Cannot sign in with the token of the job: github-token is empty', {
      hint: 'Set github-token to the github.token expression',
    });
  }
  assertRegistryOfServer(registry, context.runner.serverUrl);
  const username = inputs.username ?? context.runner.actor;
  return { credentials: basic(username, token, context), identity: username };
}

function basic(username: string, password: string, context: ActionContext): RegistryCredentials {
  if (/[:\p{Cc}]/u.test(username) || /[\r\n\0]/.test(password)) {
    throw new LoginError('LOGIN_INPUT_INVALID', 'Cannot sign in: user name or token holds a colon or a line break', {
      hint: 'Pass user name and token without line breaks; a user name has no colon',
    });
  }
  context.mask(password);
  context.mask(basicText(username, password));
  return { kind: 'basic', username, password };
}
