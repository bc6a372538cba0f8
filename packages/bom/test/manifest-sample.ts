import { type FetchedPackage, type FetchManifest, purlOf } from '@paved/bom';

function entry(
  ecosystem: 'npm' | 'Go',
  name: string,
  version: string,
  more: Partial<FetchedPackage> = {},
): FetchedPackage {
  return {
    purl: purlOf(ecosystem, name, version),
    name,
    version,
    ecosystem,
    size: 1024,
    digests: { sha256: 'a'.repeat(64), sha512: 'b'.repeat(128) },
    lockDigest: '',
    direct: false,
    scope: 'runtime',
    dependencies: [],
    locations: [],
    ...more,
  };
}

/** A small manifest of both ecosystems with a scoped name, a development package and an odd licence. */
export function sampleManifest(change: Partial<FetchManifest> = {}): FetchManifest {
  const ms = purlOf('npm', 'ms', '2.1.2');
  return {
    mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
    source: { repository: 'https://github.com/octo/app', sha: '1'.repeat(40), path: '' },
    root: { name: 'app', version: '1.2.3', purl: 'pkg:npm/app@1.2.3', licence: 'Apache-2.0' },
    lockfiles: [{ path: 'package-lock.json', kind: 'npm', sha256: 'c'.repeat(64) }],
    packages: [
      entry('npm', 'debug', '4.3.4', { direct: true, licence: 'MIT', dependencies: [ms] }),
      entry('npm', 'ms', '2.1.2', { licence: 'SEE LICENSE IN LICENSE.md' }),
      entry('npm', '@types/node', '24.0.0', {
        direct: true,
        scope: 'development',
        licence: '(MIT OR Apache-2.0)',
        digests: { sha256: 'd'.repeat(64) },
      }),
      entry('Go', 'github.com/BurntSushi/toml', 'v1.3.2', { direct: true }),
    ],
    fetchedAt: '2025-09-01T10:00:00Z',
    ...change,
  };
}
