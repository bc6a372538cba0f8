import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { object, optional, parseJson, record, string, unknown } from '@paved/json';
import { OciError } from './error.js';
import { readLimited } from './read-limited.js';
import type { RegistryHost, RepositoryName } from './reference.js';

/** `bearer` is sent to the registry as it stands; `identity` is a refresh token for the registry's own token endpoint. */
export type RegistryCredentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'identity'; readonly refreshToken: string };

const MAX_BYTES = 1024 * 1024;

const configDecoder = object({
  auths: optional(
    record(
      object({
        auth: optional(string),
        username: optional(string),
        password: optional(string),
        identitytoken: optional(string),
        registrytoken: optional(string),
      }),
    ),
  ),
  credHelpers: optional(record(unknown)),
  credsStore: optional(string),
});

/** docker's own name for Docker Hub; no other key with a scheme is looked at. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/**
 * Reads the credentials for exactly `registry` from a file in the form of docker's and podman's config.json: a key equals the host, or
 * host and leading parts of the repository, and the longest wins (containers-auth.json(5)). No suffix, prefix or scheme matching,
 * because a near match sends the secret to another host. Credential programs are not started.
 * @throws {OciError} `REGISTRY_CONFIG_INVALID`; neither message nor cause quotes the file
 */
export async function readRegistryCredentials(
  path: string,
  registry: RegistryHost,
  repository?: RepositoryName,
): Promise<RegistryCredentials | undefined> {
  return parseRegistryCredentials(await readConfig(path), registry, repository);
}

/** As {@link readRegistryCredentials}, from the file's text. */
export function parseRegistryCredentials(
  text: string,
  registry: RegistryHost,
  repository?: RepositoryName,
): RegistryCredentials | undefined {
  const config = decode(text);
  const keys = keysFor(registry, repository);
  const key = keys.find((name) => Object.hasOwn(config.auths ?? {}, name));
  const entry = key === undefined ? undefined : config.auths?.[key];
  // Docker leaves an empty entry beside a program that knows the secret.
  if (entry === undefined || isEmpty(entry)) {
    const helped = keys.some((name) => Object.hasOwn(config.credHelpers ?? {}, name));
    if (helped || config.credsStore) {
      throw invalid(`it leaves ${registry} to a credential program, which is never started`, WRITE_ENTRY);
    }
    if (entry === undefined) return undefined;
  }
  if (entry.registrytoken) return { kind: 'bearer', token: singleLine(entry.registrytoken) };
  if (entry.identitytoken) return { kind: 'identity', refreshToken: singleLine(entry.identitytoken) };
  const { username, password } = entry.auth ? splitAuth(entry.auth) : entry;
  if (!username || !password) throw invalid(`its entry for ${registry} has no user name and password`);
  return { kind: 'basic', username: singleLine(username), password: singleLine(password) };
}

const WRITE_ENTRY = 'Use oidc-login, or write an "auths" entry with what the program prints, for this registry alone';

/** The most exact first. */
function keysFor(registry: RegistryHost, repository: RepositoryName | undefined): readonly string[] {
  const parts = repository?.split('/') ?? [];
  const paths = parts.map((_, dropped) => [registry, ...parts.slice(0, parts.length - dropped)].join('/'));
  return [...paths, registry, ...(registry === 'docker.io' ? [DOCKER_HUB_KEY] : [])];
}

function isEmpty(entry: Readonly<Record<string, string | undefined>>): boolean {
  return Object.values(entry).every((value) => !value);
}

function decode(text: string): ReturnType<typeof configDecoder> {
  try {
    return parseJson('the registry config', text, configDecoder);
  } catch {
    // The parser's message quotes the text around the mistake, and that text is a secret: the cause is dropped.
    throw invalid("it is not JSON in the form of docker's config.json");
  }
}

function splitAuth(auth: string): { readonly username: string; readonly password: string } {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw invalid('an "auth" member is not base64 of user:password');
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

function singleLine(secret: string): string {
  // A line break would end the header and start another one.
  if (/[\r\n\0]/.test(secret)) throw invalid('a secret in it holds a line break');
  return secret;
}

async function readConfig(path: string): Promise<string> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const bytes = (await handle.stat()).isFile() ? await readLimited(handle, MAX_BYTES) : undefined;
      if (bytes === undefined) throw invalid('it is not a small regular file');
      return bytes.toString('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof OciError) throw cause;
    throw new OciError('REGISTRY_CONFIG_INVALID', 'Cannot read the registry config: it is missing or a link', {
      cause,
      hint: 'Sign in before, with oidc-login or docker login, and pass the file that it wrote',
    });
  }
}

function invalid(state: string, hint = 'Give the file that oidc-login wrote'): OciError {
  return new OciError('REGISTRY_CONFIG_INVALID', `Cannot read the registry config: ${state}`, { hint });
}
