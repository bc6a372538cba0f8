import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryCredentials, RegistryHost } from '@paved/oci';

/** Where {@link writeCredentialFile} writes. */
export function credentialPath(folder: string): string {
  return join(folder, 'config.json');
}

/**
 * Writes credentials for exactly one registry in the form of docker's config.json, mode 0600, into `folder`.
 * O_EXCL and O_NOFOLLOW: a file or link that waits there is an error, never a target.
 */
export async function writeCredentialFile(
  folder: string,
  registry: RegistryHost,
  credentials: RegistryCredentials,
): Promise<string> {
  const path = credentialPath(folder);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(JSON.stringify({ auths: { [registry]: authEntry(credentials) } }));
  } finally {
    await handle.close();
  }
  return path;
}

/** `user:password` in base64, as the file and the Basic header carry it: a second form of the secret, to be masked as well. */
export function basicText(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** What a revocation endpoint has to know. */
export function secretOf(credentials: RegistryCredentials): string {
  switch (credentials.kind) {
    case 'basic':
      return credentials.password;
    case 'bearer':
      return credentials.token;
    case 'identity':
      return credentials.refreshToken;
  }
}

function authEntry(credentials: RegistryCredentials): Readonly<Record<string, string>> {
  switch (credentials.kind) {
    case 'basic':
      return { auth: basicText(credentials.username, credentials.password) };
    case 'bearer':
      return { registrytoken: credentials.token };
    case 'identity':
      return { identitytoken: credentials.refreshToken };
  }
}
