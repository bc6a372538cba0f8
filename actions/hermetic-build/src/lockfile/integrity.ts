import { HermeticBuildError } from '../error.js';

const ENTRY = /^(sha1|sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})(\?.*)?$/;
const SHA512_BYTES = 64;

/**
 * The SHA-512 values, as lower-case hex, that the lock file allows for a package (Subresource Integrity, several by white space).
 * @throws {HermeticBuildError} `INTEGRITY_MISSING`, `INTEGRITY_WEAK` without any SHA-512, `LOCKFILE_INVALID`
 */
export function sha512Of(where: string, integrity: string | undefined): readonly [string, ...string[]] {
  if (integrity === undefined || integrity.trim() === '') {
    throw new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${where}": its lock file entry has no integrity`, {
      hint: 'Delete node_modules and package-lock.json, run "npm install" and commit the new lock file',
    });
  }
  const [first, ...rest] = integrity
    .trim()
    .split(/\s+/)
    .flatMap((entry) => readEntry(where, entry));
  if (first === undefined) {
    throw new HermeticBuildError(
      'INTEGRITY_WEAK',
      `Cannot fetch "${where}": its lock file entry has no sha512 digest`,
      {
        hint: 'Update the package, or delete node_modules and package-lock.json and run "npm install": registries serve sha512 for every version',
      },
    );
  }
  return [first, ...rest];
}

function readEntry(where: string, entry: string): readonly string[] {
  const match = ENTRY.exec(entry);
  if (match === null) throw invalid(where);
  if (match[1] !== 'sha512') return [];
  const bytes = Buffer.from(match[2] ?? '', 'base64');
  if (bytes.length !== SHA512_BYTES) throw invalid(where);
  return [bytes.toString('hex')];
}

function invalid(where: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot read the integrity of "${where}": it is malformed`, {
    hint: 'Delete node_modules and package-lock.json, run "npm install" and commit the new lock file',
  });
}
