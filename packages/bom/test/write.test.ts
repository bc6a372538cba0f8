import { describe, expect, test } from '@jest/globals';
import {
  assertGrade,
  bomOfFetchManifest,
  bomOfLockfiles,
  buildDependencySnapshot,
  CYCLONEDX_VERSIONS,
  mergeBoms,
  parseSbom,
  readBom,
  type SbomContext,
  scoreBom,
  trimToFit,
  writeCycloneDx,
  writeSpdx,
} from '@paved/bom';
import { parseLockfile } from '@paved/bom/lockfiles';
import { type Digest, sha256 } from '@paved/digest';
import { sampleManifest } from './manifest-sample.js';

const DIGEST = `sha256:${'e'.repeat(64)}` as Digest;
const context: SbomContext = {
  subjects: [{ name: 'app', digest: DIGEST }],
  componentType: 'container',
  name: 'app',
  version: '1.2.3',
  platform: 'linux/arm64',
  created: '2025-09-01T10:00:00Z',
  tool: { name: 'paved-sbom', version: '1.0.0' },
  supplier: { name: 'octo', url: 'https://github.com/octo' },
};

const SYFT = {
  artifacts: [
    {
      id: 'a',
      name: 'musl',
      version: '1.2.3-r4',
      type: 'apk',
      purl: 'pkg:apk/alpine/musl@1.2.3-r4?arch=x86_64',
      locations: [{ path: '/lib/apk/db/installed' }],
      licenses: [{ value: 'MIT', spdxExpression: 'MIT' }],
      cpes: [{ cpe: 'cpe:2.3:a:musl:musl:1.2.3:*:*:*:*:*:*:*' }],
    },
    { id: 'b', name: 'ms', version: '2.1.2', type: 'npm', purl: 'pkg:npm/ms@2.1.2', licenses: [] },
    { id: 'c', name: 'odd', version: '', type: 'binary', purl: 'not a purl', licenses: ['Own words; see <file>'] },
  ],
  artifactRelationships: [{ parent: 'a', child: 'b', type: 'dependency-of' }],
  source: { id: 's', name: 'app', type: 'image', version: '1', metadata: { manifestDigest: DIGEST } },
  descriptor: { name: 'syft', version: '1.52.0' },
  schema: { version: '16.0.0' },
};
const bytesOf = (document: unknown) => Buffer.from(JSON.stringify(document));

const lock = parseLockfile(
  'cargo',
  '[[package]]\nname = "own"\nversion = "0.1.0"\ndependencies = ["libc"]\n[[package]]\nname = "libc"\nversion = "0.2.1"\nsource = "registry+x"\nchecksum = "' +
    'f'.repeat(64) +
    '"\n',
);
const manifest = bomOfFetchManifest(sampleManifest());
const syft = readBom(bytesOf(SYFT));
const cargo = bomOfLockfiles([{ path: 'Cargo.lock', lockfile: lock }]);
const merged = mergeBoms([manifest, syft, cargo]);

describe('a merged bill', () => {
  test('has each package once, whatever the order of its parts', () => {
    expect(mergeBoms([cargo, manifest, syft]).components).toEqual(merged.components);
    expect(merged.components.map(({ ref }) => ref)).toEqual([
      'application:odd@',
      'pkg:apk/alpine/musl@1.2.3-r4?arch=x86_64',
      'pkg:cargo/libc@0.2.1',
      'pkg:golang/github.com/burntsushi/toml@v1.3.2',
      'pkg:npm/%40types/node@24.0.0',
      'pkg:npm/debug@4.3.4',
      'pkg:npm/ms@2.1.2',
    ]);
    const ms = merged.components.find(({ name }) => name === 'ms');
    expect(ms).toMatchObject({ licences: ['SEE LICENSE IN LICENSE.md'], scope: 'runtime' });
    expect(merged.dependencies.get('pkg:npm/ms@2.1.2')).toEqual(['pkg:apk/alpine/musl@1.2.3-r4?arch=x86_64']);
    expect(merged.dependencies.get('subject')).toContain('pkg:cargo/libc@0.2.1');
  });

  test('is as complete as its least complete part', () => {
    expect([manifest.completeness, syft.completeness, merged.completeness]).toEqual(['complete', 'unknown', 'unknown']);
  });

  test('states no digest where two parts disagree', () => {
    const other = {
      ...manifest,
      components: manifest.components.map((entry) => ({
        ...entry,
        hashes: [{ alg: 'SHA-256', content: '0'.repeat(64) }],
      })),
    };
    const hashes = mergeBoms([manifest, other]).components.flatMap((entry) => entry.hashes.map(({ alg }) => alg));
    expect(hashes).not.toContain('SHA-256');
  });
});

describe('written again', () => {
  test.each(CYCLONEDX_VERSIONS)('CycloneDX %s: same bytes for same input, read back the same', (version) => {
    const text = writeCycloneDx(merged, context, version);
    expect(writeCycloneDx(mergeBoms([cargo, syft, manifest]), context, version)).toBe(text);
    const back = readBom(Buffer.from(text));
    expect(back.specVersion).toBe(version);
    expect(back.components.map(({ purl, name, licences }) => [purl, name, licences])).toEqual(
      merged.components.map(({ purl, name, licences }) => [purl, name, licences]),
    );
    expect(parseSbom(Buffer.from(text)).subjects).toEqual([DIGEST]);
  });

  test('SPDX 2.3: same bytes for same input, read back the same', () => {
    const text = writeSpdx(merged, context);
    expect(writeSpdx(mergeBoms([cargo, syft, manifest]), context)).toBe(text);
    const back = readBom(Buffer.from(text));
    expect(new Set(back.components.map(({ purl }) => purl))).toEqual(
      new Set(merged.components.map(({ purl }) => purl)),
    );
    expect(parseSbom(Buffer.from(text)).subjects).toEqual([DIGEST]);
  });

  test('one byte of the subject is another identity', () => {
    const serial = (digest: Digest) => {
      const text = writeCycloneDx(merged, { ...context, subjects: [{ name: 'app', digest }] });
      return (JSON.parse(text) as { serialNumber: string }).serialNumber;
    };
    expect(serial(DIGEST)).not.toBe(serial(`sha256:${'e'.repeat(63)}f` as Digest));
  });
});

describe('trimmed', () => {
  const write = (bom: typeof merged) => writeCycloneDx(bom, context);
  const whole = write(merged);

  test('nothing is dropped that fits', () => {
    expect(trimToFit(merged, write)).toEqual({ text: whole, dropped: [] });
  });

  test('what is too large loses what matters least, and the whole one is kept by digest', () => {
    const small = Buffer.byteLength(JSON.stringify(JSON.parse(whole)));
    const trimmed = trimToFit(merged, write, small - 100);
    expect(trimmed.whole).toEqual({ text: whole, digest: sha256(whole) });
    expect(trimmed.dropped.slice(0, 3)).toEqual(['indentation', 'files', 'locations']);
    expect(Buffer.byteLength(trimmed.text)).toBeLessThanOrEqual(small - 100);
    const purls = (text: string) => readBom(Buffer.from(text)).components.map(({ purl }) => purl);
    expect(purls(trimmed.text)).toEqual(purls(whole));
  });

  test('packages are never dropped', () => {
    expect(() => trimToFit(merged, write, 500)).toThrow(expect.objectContaining({ code: 'SBOM_TOO_LARGE' }));
  });
});

test('a grade below the minimum is refused, with what is missing', () => {
  const poor = scoreBom(syft, 'cisa-2025');
  const rich = scoreBom(readBom(Buffer.from(writeCycloneDx(mergeBoms([manifest]), context))), 'cisa-2025');
  expect(() => assertGrade(poor, 'B')).toThrow(expect.objectContaining({ code: 'SBOM_GRADE_LOW' }));
  expect(() => assertGrade(rich, 'B')).not.toThrow();
  expect(scoreBom({ ...syft, components: [], dependencies: new Map() }, 'ntia-2021').grade).toBe('F');
});

test('a dependency snapshot names what has a purl, and counts the rest', () => {
  const { snapshot, unidentified } = buildDependencySnapshot(merged, {
    sha: '1'.repeat(40),
    ref: 'refs/heads/main',
    job: { id: '1', correlator: 'release_build' },
    detector: { name: 'paved', version: '1.0.0', url: 'https://github.com/octo/paved' },
    scanned: context.created,
    manifest: 'package-lock.json',
  });
  expect(unidentified).toBe(1);
  const { resolved } = snapshot.manifests['package-lock.json'] ?? { resolved: {} };
  expect(resolved['pkg:npm/debug@4.3.4']).toEqual({
    package_url: 'pkg:npm/debug@4.3.4',
    relationship: 'direct',
    scope: 'runtime',
    dependencies: ['pkg:npm/ms@2.1.2'],
  });
});
