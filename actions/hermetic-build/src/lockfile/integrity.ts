import { HermeticBuildError } from '../error.js';
import type { LockedPackage } from './lockfile.js';

/** Package managers of Node, as their lock files differ. */
export type NodeLockKind = 'npm' | 'pnpm' | 'yarn' | 'berry';

/** What the bytes of a package are held to: their own SHA-512, one of several, or that of the zip which yarn makes of them. */
export type LockedDigest =
  | { readonly $case: 'archive'; readonly sha512: readonly [string, ...string[]] }
  | { readonly $case: 'zip'; readonly sha512: string };

const CURES: Readonly<Record<NodeLockKind, string>> = {
  npm: 'Delete node_modules and package-lock.json, run "npm install" and commit the new lock file',
  pnpm: 'Delete pnpm-lock.yaml, run "pnpm install" and commit the new lock file',
  yarn: 'Remove the entry from yarn.lock, run "yarn install" and commit the new lock file',
  berry:
    'yarn locks no checksum for packages of one platform: commit yarn.integrity.json beside yarn.lock, with "<name>@<version>": "sha512-..." as "npm view <name>@<version> dist.integrity" says',
};

const ENTRY = /^(sha1|sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})(\?.*)?$/;
const SHA512_BYTES = 64;

/** @throws {HermeticBuildError} as {@link sha512Of} */
export function lockedDigest({ key, name, version, entry }: LockedPackage, kind: NodeLockKind): LockedDigest {
  const zip = entry.zipChecksum?.slice(entry.zipChecksum.indexOf('/') + 1);
  if (zip !== undefined) return { $case: 'zip', sha512: zip };
  return { $case: 'archive', sha512: sha512Of(kind === 'berry' ? `${name}@${version}` : key, entry.integrity, kind) };
}

/** Name of the archive in the bundle: the digest that was locked. */
export function archiveName(digest: LockedDigest, sha512: string): string {
  return digest.$case === 'zip' ? `${digest.sha512}.yarn.tgz` : `${sha512}.tgz`;
}

/**
 * The SHA-512 values, as lower-case hex, that the lock file allows for a package (Subresource Integrity, several by white space).
 * @throws {HermeticBuildError} `INTEGRITY_MISSING`, `INTEGRITY_WEAK` without any SHA-512, `LOCKFILE_INVALID`
 */
export function sha512Of(
  where: string,
  integrity: string | undefined,
  kind: NodeLockKind = 'npm',
): readonly [string, ...string[]] {
  if (integrity === undefined || integrity.trim() === '') {
    throw new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${where}": its lock file entry has no integrity`, {
      hint: CURES[kind],
    });
  }
  const [first, ...rest] = integrity
    .trim()
    .split(/\s+/)
    .flatMap((entry) => readEntry(where, entry, kind));
  if (first === undefined) {
    throw new HermeticBuildError(
      'INTEGRITY_WEAK',
      `Cannot fetch "${where}": its lock file entry has no sha512 digest`,
      {
        hint: `Registries serve sha512 for every version. ${CURES[kind]}`,
      },
    );
  }
  return [first, ...rest];
}

function readEntry(where: string, entry: string, kind: NodeLockKind): readonly string[] {
  const match = ENTRY.exec(entry);
  if (match === null) throw invalid(where, kind);
  if (match[1] !== 'sha512') return [];
  const bytes = Buffer.from(match[2] ?? '', 'base64');
  if (bytes.length !== SHA512_BYTES) throw invalid(where, kind);
  return [bytes.toString('hex')];
}

function invalid(where: string, kind: NodeLockKind): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot read the integrity of "${where}": it is malformed`, {
    hint: CURES[kind],
  });
}
