import { PackageURL } from 'packageurl-js';
import { HermeticBuildError } from '../error.js';

/** One file of a Maven repository. */
export interface Coordinates {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly classifier?: string;
  /** Of the file, without its dot: `jar`, `pom`, `tar.gz`. */
  readonly extension: string;
}

const PART = /^[A-Za-z0-9_](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_+-])?$/;

/**
 * Attack: a version `../../x` would be written outside of the local repository.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`
 */
export function assertCoordinates(item: Coordinates): Coordinates {
  const parts = [item.artifact, item.version, item.extension, ...item.group.split('.')];
  if (item.classifier !== undefined) parts.push(item.classifier);
  if (parts.every((part) => PART.test(part) && !part.includes('..'))) return item;
  throw mavenInvalid(`"${gav(item).slice(0, 200)}" is no coordinate`);
}

export function gav({ group, artifact, version }: Pick<Coordinates, 'group' | 'artifact' | 'version'>): string {
  return `${group}:${artifact}:${version}`;
}

/** Where a repository has the file: Maven's default layout. */
export function repositoryPath({ group, artifact, version, classifier, extension }: Coordinates): string {
  const tail = classifier === undefined ? '' : `-${classifier}`;
  return `${group.replaceAll('.', '/')}/${artifact}/${version}/${artifact}-${version}${tail}.${extension}`;
}

/** purl-spec, type maven: `jar` is the default type. */
export function mavenPurl(
  { group, artifact, version, classifier, extension }: Coordinates,
  origin: Readonly<Record<string, string>> = {},
): string {
  const qualifiers = {
    ...origin,
    ...(classifier === undefined ? {} : { classifier }),
    ...(extension === 'jar' ? {} : { type: extension }),
  };
  return new PackageURL('maven', group, artifact, version, qualifiers, undefined).toString().replaceAll('+', '%2B');
}

export function mavenInvalid(state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot use lockfile.json: ${state}`, { cause, hint: GENERATE });
}

export const GENERATE =
  'Run "mvn io.github.chains-project:maven-lockfile:generate -DincludeMavenPlugins=true -DchecksumAlgorithm=SHA-256" with version 5.18 or later of the plugin, and commit lockfile.json';
