import { type ListedHost, readHosts } from '../fetch/host-list.js';
import { patchRefused } from './patch-error.js';

/** A host that package managers may reach. */
export type Mirror = ListedHost;

const MAX_MIRRORS = 50;

/**
 * Reads lines of `patch-mirrors`: a host, or `host:port`, written out.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`
 */
export function readMirrors(lines: readonly string[]): readonly Mirror[] {
  if (lines.length > MAX_MIRRORS) throw refused(`there are more than ${MAX_MIRRORS} mirrors`);
  return readHosts(lines, refused);
}

/** As it may stand in `patch-mirrors`. */
export function mirrorText({ host, port }: Mirror): string {
  const named = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? named : `${named}:${port}`;
}

function refused(state: string) {
  return patchRefused(state, 'Name one mirror per line in patch-mirrors, without scheme, path or wildcard');
}
