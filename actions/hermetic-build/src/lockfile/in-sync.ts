import { object, optional, parseJson, record, string } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import type { LockEntry } from './entry.js';

const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

const manifest = object({
  dependencies: optional(record(string)),
  devDependencies: optional(record(string)),
  optionalDependencies: optional(record(string)),
  peerDependencies: optional(record(string)),
});

/**
 * Holds a package.json of the tree to what the lock file remembers of it, as `npm ci` does.
 * @throws {HermeticBuildError} `LOCKFILE_OUTDATED`
 */
export function assertInSync(where: string, packageJson: string, entry: LockEntry): void {
  const declared = parseJson(where, packageJson, manifest);
  const asText = (source: Partial<Record<(typeof KINDS)[number], Readonly<Record<string, string>>>>) => {
    const optionalNames = new Set(Object.keys(source.optionalDependencies ?? {}));
    return KINDS.flatMap((kind) =>
      Object.entries(source[kind] ?? {})
        // npm lists an optional dependency under `dependencies` too; one of the two may be missing.
        .filter(([name]) => kind !== 'dependencies' || !optionalNames.has(name))
        .map(([name, range]) => `${kind} ${name} ${range}`),
    ).sort();
  };
  const [wanted, locked] = [asText(declared), asText(entry)];
  const difference = wanted.find((line) => !locked.includes(line)) ?? locked.find((line) => !wanted.includes(line));
  if (difference === undefined) return;
  throw new HermeticBuildError(
    'LOCKFILE_OUTDATED',
    `Cannot use package-lock.json: it does not fit ${where} ("${difference}")`,
    {
      hint: 'Run "npm install" and commit package.json together with package-lock.json',
    },
  );
}
