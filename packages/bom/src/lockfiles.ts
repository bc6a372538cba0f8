export { LOCKFILE_KINDS, type LockedPackage, type Lockfile, type LockfileKind } from './lockfiles/lockfile.js';
export { lockfileKindOf, MAX_LOCKFILE_BYTES, parseLockfile } from './lockfiles/parse-lockfile.js';
export { parseYamlLock } from './lockfiles/pnpm.js';
export { parseToml, type TomlTable, type TomlValue } from './lockfiles/toml.js';
export { type Stanza, stanzas } from './lockfiles/yarn.js';
