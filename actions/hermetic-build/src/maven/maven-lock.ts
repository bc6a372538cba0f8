import { array, boolean, type Decoder, object, optional, parseJson, string, unknown } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import { assertCoordinates, type Coordinates, GENERATE, gav, mavenInvalid } from './coordinates.js';

/** A file that the lock file names, with its digest as lower-case hex. */
export interface LockedFile extends Coordinates {
  readonly algorithm: 'sha256' | 'sha512';
  readonly digest: string;
  /** Absent where the lock file does not say it. */
  readonly url?: string;
}

/** A node of the tree of dependencies; the same file may stand at many places. */
export interface LockedNode {
  readonly file: LockedFile;
  readonly scope: string;
  readonly children: readonly LockedNode[];
}

export interface MavenLock {
  readonly project: Pick<Coordinates, 'group' | 'artifact' | 'version'>;
  /** SHA-256 of the pom.xml that was locked, as lower-case hex; absent where another algorithm was used. */
  readonly pomSha256?: string;
  /** Of the Maven that wrote it. */
  readonly mavenVersion?: string;
  readonly dependencies: readonly LockedNode[];
  /** Plugins and extensions, with their dependencies as children. */
  readonly plugins: readonly LockedNode[];
  /** Parents and bills of materials of the project: real files, because Maven reads versions and settings from them. */
  readonly poms: readonly LockedFile[];
}

interface Raw {
  readonly groupId: string;
  readonly artifactId: string;
  readonly version: string;
  readonly classifier?: string;
  readonly type?: string;
  readonly checksumAlgorithm?: string;
  readonly checksum?: string;
  readonly resolved?: string;
  readonly relativePath?: string;
  readonly scope?: string;
  readonly included?: boolean;
  readonly parent?: unknown;
  readonly parentPom?: unknown;
  readonly boms?: readonly unknown[];
  readonly children?: readonly unknown[];
  readonly dependencies?: readonly unknown[];
}

const many = optional(array(unknown));
const raw: Decoder<Raw> = object({
  groupId: string,
  artifactId: string,
  version: string,
  classifier: optional(string),
  type: optional(string),
  checksumAlgorithm: optional(string),
  checksum: optional(string),
  resolved: optional(string),
  relativePath: optional(string),
  scope: optional(string),
  included: optional(boolean),
  parent: optional(unknown),
  parentPom: optional(unknown),
  boms: many,
  children: many,
  dependencies: many,
});
const document = object({
  groupId: string,
  artifactId: string,
  version: string,
  pom: optional(object({ checksumAlgorithm: optional(string), checksum: optional(string), parent: optional(unknown) })),
  boms: many,
  dependencies: array(unknown),
  mavenPlugins: many,
  mavenExtensions: many,
  metaData: optional(
    object({
      environment: optional(object({ mavenVersion: optional(string) })),
      config: optional(object({ reduced: optional(boolean) })),
    }),
  ),
});

const MAX_DEPTH = 200;
const MAX_NODES = 200_000;
const DIGITS = { sha256: 64, sha512: 128 } as const;

/**
 * lockfile.json of the maven-lockfile plugin, of one module.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`, `LOCKFILE_VERSION` without plugins or as a mere list, `INTEGRITY_MISSING`, `INTEGRITY_WEAK`
 */
export function readMavenLock(where: string, text: string): MavenLock {
  const lock = parseJson(where, text, document);
  if (lock.mavenPlugins === undefined || lock.mavenPlugins.length === 0) {
    throw new HermeticBuildError(
      'LOCKFILE_VERSION',
      `Cannot use "${where}": it does not list the plugins of the build`,
      {
        hint: GENERATE,
      },
    );
  }
  if (lock.metaData?.config?.reduced === true) {
    // Without the tree nobody knows what requires what, and that is all that the POMs are written from.
    throw new HermeticBuildError('LOCKFILE_VERSION', `Cannot use "${where}": it was reduced to a list`, {
      hint: `Leave out "-Dreduced". ${GENERATE}`,
    });
  }
  let count = 0;
  const nodeOf = (value: unknown, depth: number): LockedNode => {
    if (depth > MAX_DEPTH || ++count > MAX_NODES) throw mavenInvalid('it is nested too deep, or too long');
    const item = raw(value, '$');
    const below = [...(item.children ?? []), ...(item.dependencies ?? [])];
    const children = below.map((child) => nodeOf(child, depth + 1));
    return { file: fileOf(item), scope: item.scope ?? 'compile', children };
  };
  const nodes = (items: readonly unknown[] | undefined) => (items ?? []).map((item) => nodeOf(item, 0));
  const { groupId: group, artifactId: artifact, version, pom } = lock;
  const mavenVersion = lock.metaData?.environment?.mavenVersion;
  const poms: LockedFile[] = [];
  collectPoms(pom?.parent, poms, 0);
  for (const bom of lock.boms ?? []) collectPoms(bom, poms, 0);
  return {
    project: { group, artifact, version },
    ...(pom?.checksumAlgorithm === 'SHA-256' && pom.checksum !== undefined ? { pomSha256: pom.checksum } : {}),
    ...(mavenVersion === undefined ? {} : { mavenVersion }),
    dependencies: nodes(lock.dependencies),
    plugins: [...nodes(lock.mavenPlugins), ...nodes(lock.mavenExtensions)],
    poms,
  };
}

/** A parent with a path and no address lies in the source. */
function collectPoms(value: unknown, found: LockedFile[], depth: number): void {
  if (value === undefined || value === null) return;
  if (depth > MAX_DEPTH || found.length > MAX_NODES) throw mavenInvalid('it is nested too deep, or too long');
  const item = raw(value, '$');
  if (item.resolved !== undefined || item.relativePath === undefined) found.push(fileOf({ ...item, type: 'pom' }));
  for (const next of [item.parent, item.parentPom, ...(item.boms ?? [])]) collectPoms(next, found, depth + 1);
}

function fileOf(item: Raw): LockedFile {
  const { groupId: group, artifactId: artifact, version, classifier, resolved } = item;
  const label = gav({ group, artifact, version }).slice(0, 200);
  const coordinates = assertCoordinates({
    group,
    artifact,
    version,
    ...(classifier === undefined || classifier === '' ? {} : { classifier }),
    extension: extensionOf(item),
  });
  return { ...coordinates, ...digestOf(label, item), ...(resolved === undefined ? {} : { url: resolved }) };
}

/** A type is not always the extension (`maven-plugin`, `test-jar`); the address has the real one. */
function extensionOf({ artifactId, version, classifier, resolved, type }: Raw): string {
  const stem = `/${artifactId}-${version}${classifier === undefined || classifier === '' ? '' : `-${classifier}`}.`;
  const at = resolved?.lastIndexOf(stem) ?? -1;
  if (resolved !== undefined && at !== -1) return resolved.slice(at + stem.length);
  return type === undefined || /^(?:maven-plugin|test-jar|ejb|bundle|java-source|javadoc)$/.test(type) ? 'jar' : type;
}

function digestOf(label: string, { checksum, checksumAlgorithm = '' }: Raw): Pick<LockedFile, 'algorithm' | 'digest'> {
  if (checksum === undefined || checksum === '') {
    throw new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${label}": its lock file entry has no checksum`, {
      hint: GENERATE,
    });
  }
  const name = checksumAlgorithm.toLowerCase().replace('-', '');
  if (name !== 'sha256' && name !== 'sha512') {
    throw new HermeticBuildError(
      'INTEGRITY_WEAK',
      `Cannot fetch "${label}": its checksum is neither SHA-256 nor SHA-512`,
      {
        hint: GENERATE,
      },
    );
  }
  const digest = checksum.toLowerCase();
  if (!/^[0-9a-f]+$/.test(digest) || digest.length !== DIGITS[name])
    throw mavenInvalid(`the checksum of "${label}" is malformed`);
  return { algorithm: name, digest };
}
