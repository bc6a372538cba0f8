import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseSbom } from '@paved/bom';
import { fixture } from './fixture.js';

const minimal = { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const nested = (depth: number): Buffer => Buffer.from(`${'{"components":['.repeat(depth)}${']}'.repeat(depth)}`);
const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x', predicate: minimal };

test.each<[string, Uint8Array, string]>([
  ['an empty file', Buffer.alloc(0), 'SBOM_MALFORMED'],
  ['a truncated file', json(minimal).subarray(0, -1), 'SBOM_MALFORMED'],
  ['bytes that are not UTF-8', Buffer.concat([json(minimal), Buffer.from([0xff])]), 'SBOM_MALFORMED'],
  ['an array', json([minimal]), 'SBOM_MALFORMED'],
  ['another document', json({ version: '2.1.0', runs: [] }), 'SBOM_MALFORMED'],
  ['deep nesting', nested(5000), 'SBOM_MALFORMED'],
  ['more than 16 MiB', Buffer.alloc(16 * 1024 * 1024 + 1, 0x20), 'SBOM_TOO_LARGE'],
  ['CycloneDX 1.4', json({ ...minimal, specVersion: '1.4' }), 'SBOM_UNSUPPORTED'],
  ['SPDX 2.2', json({ spdxVersion: 'SPDX-2.2' }), 'SBOM_UNSUPPORTED'],
  ['SPDX 3', readFileSync(fixture('spdx/hello-source.spdx3.json')), 'SBOM_UNSUPPORTED'],
  ['an unknown member', json({ ...minimal, surprise: 1 }), 'SBOM_SCHEMA_INVALID'],
  ['SPDX without its members', json({ spdxVersion: 'SPDX-2.3' }), 'SBOM_SCHEMA_INVALID'],
  ['a statement', json(statement), 'SBOM_IS_STATEMENT'],
  [
    'an envelope',
    json({ payload: '', payloadType: 'application/vnd.in-toto+json', signatures: [] }),
    'SBOM_IS_STATEMENT',
  ],
  ['an SBOM that is also a statement', json({ ...minimal, ...statement }), 'SBOM_IS_STATEMENT'],
])('refuses %s', (_what, bytes, code) => {
  expect(() => parseSbom(bytes)).toThrow(expect.objectContaining({ code }));
});

describe('documents of others', () => {
  test('CycloneDX: finds nested components, keeps those without purl, leaves out files', () => {
    const document = {
      ...minimal,
      metadata: {
        component: { type: 'container', 'bom-ref': 'm', name: 'img', version: `sha256:${'a'.repeat(64)}` },
      },
      components: [
        {
          type: 'library',
          'bom-ref': 'a',
          name: 'a',
          version: '1',
          purl: 'pkg:npm/a@1',
          components: [{ type: 'library', name: 'b', version: '2', purl: 'not a purl' }],
        },
        { type: 'file', name: '/etc/passwd' },
        { type: 'library', group: '@s', name: 'c', scope: 'excluded', purl: 'pkg:npm/%40s/c@3' },
        { type: 'library', group: '@s', name: 'c', scope: 'required', purl: 'pkg:npm/%40s/c@3' },
      ],
      dependencies: [{ ref: 'm', dependsOn: ['a'] }],
    };
    const sbom = parseSbom(json(document));
    expect(sbom.subjects).toEqual([`sha256:${'a'.repeat(64)}`]);
    expect(sbom.components).toEqual([
      { name: 'b', version: '2', licences: [], scope: 'runtime', direct: false },
      { purl: 'pkg:npm/%40s/c@3', name: '@s/c', licences: [], scope: 'runtime', direct: false },
      { purl: 'pkg:npm/a@1', name: 'a', version: '1', licences: [], scope: 'runtime', direct: true },
    ]);
  });

  test('SPDX: a published example', () => {
    const sbom = parseSbom(readFileSync(fixture('spdx/ACME-v2.3.spdx.json')));
    expect(sbom).toMatchObject({ kind: 'spdx', version: '2.3' });
    expect(sbom.components.filter(({ purl }) => purl !== undefined).length).toBeGreaterThan(0);
  });
});

describe('a package that is called something else', () => {
  const purl = 'pkg:npm/lodash@4.17.20';
  const cycloneDx = (type: string) => ({
    ...minimal,
    metadata: {
      component: { type: 'application', name: 'app', components: [{ type, name: 'a', purl: 'pkg:npm/a@1' }] },
    },
    components: [{ type, name: 'lodash', purl }],
  });
  const reference = (referenceLocator: string) => [
    { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator },
  ];
  const spdx = (described: readonly string[], purpose?: string) => ({
    spdxVersion: 'SPDX-2.3',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: 'app',
    dataLicense: 'CC0-1.0',
    documentNamespace: 'https://example.org/app',
    creationInfo: { created: '2025-01-01T00:00:00Z', creators: ['Tool: x'] },
    documentDescribes: described,
    packages: [
      { SPDXID: 'SPDXRef-app', name: 'app', downloadLocation: 'NOASSERTION' },
      {
        SPDXID: 'SPDXRef-lodash',
        name: 'lodash',
        downloadLocation: 'NOASSERTION',
        externalRefs: reference(purl),
        ...(purpose === undefined ? {} : { primaryPackagePurpose: purpose }),
      },
    ],
  });

  test.each<readonly [string, object]>([
    ['a file of CycloneDX', cycloneDx('file')],
    ['data of CycloneDX', cycloneDx('data')],
    ['a device of CycloneDX', cycloneDx('device')],
    ['a file of SPDX', spdx(['SPDXRef-app'], 'FILE')],
    ['what an SPDX document describes as well', spdx(['SPDXRef-app', 'SPDXRef-lodash'])],
  ])('is looked at all the same: %s', (_name, document) => {
    expect(parseSbom(json(document)).components.map((component) => component.purl)).toContain(purl);
  });

  test('and what is described alone is still no component of itself', () => {
    expect(parseSbom(json(spdx(['SPDXRef-lodash']))).components).toMatchObject([{ name: 'app' }]);
  });
});
