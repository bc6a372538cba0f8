import { describe, expect, test } from '@jest/globals';
import {
  type Bom,
  CYCLONEDX_VERSIONS,
  mergeBoms,
  readBom,
  type SbomContext,
  scoreBom,
  writeCycloneDx,
  writeSpdx,
} from '@paved/bom';
import type { Digest } from '@paved/digest';
import { expected, hasShared, sharedFile } from './shared-fixtures.js';

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};
const suite = (subject: string) => (hasShared(subject) ? describe : describe.skip);
const load = <T>(subject: string, absent: T): T => (hasShared(subject) ? expected<T>(subject) : absent);

interface CycloneDxCases {
  readonly conformance: { readonly files: Record<string, { readonly expected: 'valid' | 'invalid' }> };
  readonly real: { readonly files: Record<string, Readonly<Record<string, unknown>>> };
}
const cyclonedx = load<CycloneDxCases>('cyclonedx', { conformance: { files: {} }, real: { files: {} } });

suite('cyclonedx')('CycloneDX documents of others (skipped where ../shared is absent)', () => {
  test.each(Object.entries(cyclonedx.conformance.files))('%s', (file, outcome) => {
    const code = codeOf(() => readBom(sharedFile('cyclonedx', file)));
    if (file.includes('/1.4/')) {
      // 1.4 is not read: its valid documents are refused as well, and say why.
      expect(['SBOM_UNSUPPORTED', 'SBOM_MALFORMED']).toContain(code);
      return;
    }
    if (outcome.expected === 'valid') expect(code).toBe('none');
    else expect(['SBOM_SCHEMA_INVALID', 'SBOM_MALFORMED', 'SBOM_UNSUPPORTED']).toContain(code);
  });

  const taken: Readonly<Record<string, (bom: Bom) => unknown>> = {
    specVersion: ({ specVersion }) => specVersion,
    components: ({ components }) => components.length,
    withPurl: ({ components }) => components.filter(({ purl }) => purl !== undefined).length,
  };
  const unkept = new Set(['serialNumber', 'schemaErrors', 'upstreamTests', 'upstreamAgrees']);
  test.each(Object.entries(cyclonedx.real.files))('%s', (file, outcome) => {
    const read = () => readBom(sharedFile('cyclonedx', file));
    if (file.endsWith('.xml')) return expect(codeOf(read)).toBe('SBOM_MALFORMED');
    if (['1.2', '1.3', '1.4'].includes(String(outcome.specVersion)))
      return expect(codeOf(read)).toBe('SBOM_UNSUPPORTED');
    const bom = read();
    const keys = Object.keys(outcome).filter((key) => !unkept.has(key));
    const own = Object.fromEntries(keys.map((key) => [key, taken[key]?.(bom) ?? bom.counts[key]]));
    expect(own).toEqual(Object.fromEntries(keys.map((key) => [key, outcome[key]])));
  });
});

interface SpdxCase {
  readonly format: string;
  readonly spdxVersion?: unknown;
  readonly expected?: string;
  readonly [key: string]: unknown;
}
const spdx = load<{ files: Record<string, SpdxCase> }>('spdx', { files: {} });

suite('spdx')('SPDX documents of others (skipped where ../shared is absent)', () => {
  test.each(Object.entries(spdx.files))('%s', (file, outcome) => {
    const read = () => readBom(sharedFile('spdx', file));
    if (outcome.expected === 'invalid') return expect(codeOf(read)).not.toBe('none');
    if (outcome.format === 'tag-value') return expect(codeOf(read)).toBe('SBOM_MALFORMED');
    if (outcome.format === 'in-toto statement') return expect(codeOf(read)).toBe('SBOM_IS_STATEMENT');
    if (outcome.spdxVersion !== 'SPDX-2.3') return expect(codeOf(read)).toBe('SBOM_UNSUPPORTED');
    const bom = readBom(sharedFile('spdx', file), { schema: false });
    const all = [...(bom.main === undefined ? [] : [bom.main]), ...bom.components];
    expect({
      packages: bom.counts.packages,
      files: bom.counts.files,
      relationships: bom.counts.relationships,
      withPurl: all.filter(({ purl }) => purl !== undefined).length,
      withSupplier: all.filter(({ supplier }) => supplier !== undefined).length,
      withChecksum: all.filter(({ hashes }) => hashes.length > 0).length,
    }).toEqual({
      packages: outcome.packages,
      files: outcome.files,
      relationships: outcome.relationships,
      withPurl: outcome.withPurl,
      withSupplier: outcome.withSupplier,
      withChecksum: outcome.withChecksum,
    });
    if (Array.isArray(outcome.documentDescribes)) expect(outcome.documentDescribes).toContain(bom.main?.ref);
  });
});

interface QualityCases {
  readonly scores: Record<
    string,
    Record<string, { readonly score: number; readonly grade: string; readonly required?: number }>
  >;
  readonly signatureScore: Record<string, number>;
  readonly licenceScores: Record<string, { readonly validLicences: number }>;
  readonly policies: readonly { readonly name: string; readonly sbom: string }[];
  readonly violations: { readonly cases: readonly { readonly sbom: string }[] };
  readonly validation: { readonly files: Record<string, string> };
}
const quality = load<QualityCases>('sbom-quality', {
  scores: {},
  signatureScore: {},
  licenceScores: {},
  policies: [],
  violations: { cases: [] },
  validation: { files: {} },
});

/** The two profiles that we have, under the names of the tool that scored the fixtures. The others are other rule books. */
const PROFILES = { ntia: 'ntia-2021', 'ntia-2025': 'cisa-2025' } as const;
const OTHER_BOOKS = new Set(['fsct', 'bsi-v1.1', 'bsi-v2.0', 'interlynk', 'oct-v1.1']);

suite('sbom-quality')('SBOMs of known quality (skipped where ../shared is absent)', () => {
  const cases = Object.entries(quality.scores).flatMap(([file, profiles]) =>
    Object.entries(profiles).map(([profile, outcome]) => [file, profile, outcome] as const),
  );
  test.each(cases)('%s by %s', (file, profile, outcome) => {
    if (OTHER_BOOKS.has(profile)) return expect(Object.keys(PROFILES)).not.toContain(profile);
    const read = () => readBom(sharedFile('sbom-quality', file), { schema: false });
    if (/spdx3-|old-version/.test(file)) return expect(codeOf(read)).toBe('SBOM_UNSUPPORTED');
    const score = scoreBom(read(), PROFILES[profile as keyof typeof PROFILES]);
    expect({ score: score.score, grade: score.grade }).toEqual({ score: outcome.score, grade: outcome.grade });
    if (outcome.required !== undefined) expect(score.complete).toBe(outcome.required);
  });

  test.each(Object.entries(quality.validation.files))('%s is %s', (file, outcome) => {
    const code = codeOf(() => readBom(sharedFile('sbom-quality', file)));
    if (file.includes('cdx-1-4')) expect(code).toBe('SBOM_UNSUPPORTED');
    else expect(code === 'none' ? 'valid' : 'invalid').toBe(outcome);
  });

  const licences = Object.keys(quality.licenceScores).map((file) => [file] as const);
  test.each(licences)('%s: every licence that is stated is read', (file) => {
    const bom = readBom(sharedFile('sbom-quality', file), { schema: false });
    expect(bom.components.length).toBeGreaterThan(0);
    expect(bom.components.some(({ licences: own }) => own.length > 0)).toBe(true);
  });

  // Policies and signatures of that tool are rules of its own; what is ours to hold is that the documents read, or say why not.
  const rest = [
    ...Object.keys(quality.signatureScore),
    ...quality.policies.map(({ sbom }) => sbom),
    ...quality.violations.cases.map(({ sbom }) => sbom),
  ];
  test.each([...new Set(rest)].map((file) => [file] as const))('%s is read, or says why not', (file) => {
    const code = codeOf(() => readBom(sharedFile('sbom-quality', file), { schema: false }));
    expect(code).toBe(file.includes('spdx3-') ? 'SBOM_UNSUPPORTED' : 'none');
  });
});

const context: SbomContext = {
  subjects: [{ name: 'app', digest: `sha256:${'a'.repeat(64)}` as Digest }],
  componentType: 'application',
  name: 'app',
  created: '2025-09-01T10:00:00Z',
  tool: { name: 'paved-sbom', version: '1.0.0' },
  supplier: { name: 'octo' },
};

/** Documents of others that we read: each must come out of our writers, in every version, as the schema wants it. */
const readable = [
  ...Object.entries(cyclonedx.real.files)
    .filter(([file, { specVersion }]) => !file.endsWith('.xml') && ['1.5', '1.6', '1.7'].includes(String(specVersion)))
    .map(([file]) => ['cyclonedx', file] as const),
  ...Object.entries(cyclonedx.conformance.files)
    .filter(([file, outcome]) => outcome.expected === 'valid' && !file.includes('/1.4/'))
    .map(([file]) => ['cyclonedx', file] as const),
  ...Object.entries(spdx.files)
    .filter(([, { spdxVersion }]) => spdxVersion === 'SPDX-2.3')
    .map(([file]) => ['spdx', file] as const),
];

suite('cyclonedx')('written again (skipped where ../shared is absent)', () => {
  test.each(readable)('%s %s', (subject, file) => {
    const bom = mergeBoms([readBom(sharedFile(subject, file), { schema: false })]);
    for (const version of CYCLONEDX_VERSIONS) {
      const back = readBom(Buffer.from(writeCycloneDx(bom, context, version)));
      expect(back.components.map(({ purl }) => purl)).toEqual(bom.components.map(({ purl }) => purl));
    }
    const back = readBom(Buffer.from(writeSpdx(bom, context)));
    expect(back.components).toHaveLength(bom.components.length);
  });
});
