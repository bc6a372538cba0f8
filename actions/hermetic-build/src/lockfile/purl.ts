import { PackageURL } from 'packageurl-js';
import { HermeticBuildError } from '../error.js';

/**
 * The canonical package URL of an npm package: the scope is the namespace, with its `@` as `%40`, and `+` of a version is `%2B`
 * (purl-spec 1.0, which the library leaves out). Kept beside the action, so that its bundle carries none of the SBOM schemas.
 */
export function npmPurl(name: string, version: string, qualifiers?: Readonly<Record<string, string>>): string {
  return packagePurl('npm', name, version, qualifiers);
}

/** The same for the other types; the module path of Go is lower case in a package URL. */
export function packagePurl(
  type: 'npm' | 'golang' | 'pypi' | 'cargo' | 'generic',
  name: string,
  version: string,
  qualifiers?: Readonly<Record<string, string>>,
): string {
  const own = type === 'golang' ? name.toLowerCase() : name;
  const cut = own.lastIndexOf('/');
  const namespace = cut === -1 ? undefined : own.slice(0, cut);
  try {
    const purl = new PackageURL(type, namespace, own.slice(cut + 1), version, qualifiers, undefined);
    return purl.toString().replaceAll('+', '%2B');
  } catch (cause) {
    const state = 'it is not a package name with a version';
    throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot name package "${name.slice(0, 200)}": ${state}`, {
      cause,
      hint: 'Write the lock file again with the package manager',
    });
  }
}
