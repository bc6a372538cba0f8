import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { checkSbom, parseSbom } from '../src/index.js';

const SHARED = join(process.cwd(), '..', 'shared', 'fixtures');
const DIGEST = 'ab'.repeat(32);

const COMPONENT = { type: 'library', name: 'a', version: '1' };
const CYCLONEDX = {
  version: 1,
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { type: 'application', name: 'app', hashes: [{ alg: 'SHA-256', content: DIGEST }] } },
  components: [COMPONENT, { ...COMPONENT, name: 'b', description: 'é "quoted" \\ [{,}] \u{1F600}' }],
  dependencies: [{ ref: 'a', dependsOn: ['b'] }],
};
const SPDX = {
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: 'app',
  documentNamespace: 'https://example.com/app',
  creationInfo: { created: '2026-01-01T00:00:00Z', creators: ['Tool: test'] },
  packages: [
    { SPDXID: 'SPDXRef-app', name: 'app', downloadLocation: 'NOASSERTION', versionInfo: `sha256:${DIGEST}` },
    {
      ...{ SPDXID: 'SPDXRef-file', name: 'f', downloadLocation: 'NOASSERTION', primaryPackagePurpose: 'FILE' },
      checksums: [{ algorithm: 'SHA256', checksumValue: 'cd'.repeat(32) }],
    },
  ],
  relationships: [
    { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-app' },
    { spdxElementId: 'SPDXRef-app', relationshipType: 'CONTAINS', relatedSpdxElement: 'SPDXRef-file' },
  ],
};

type Outcome =
  | { readonly kind: string; readonly subjects: readonly string[]; readonly sha256: string }
  | { readonly code: unknown };

function inPieces(bytes: Buffer): Outcome {
  try {
    const { kind, subjects, canonical } = checkSbom(bytes, 0);
    return { kind, subjects, sha256: sha256(Buffer.concat(canonical)) };
  } catch (error) {
    return { code: (error as { code?: unknown }).code };
  }
}

function atOnce(bytes: Buffer): Outcome {
  try {
    const { kind, subjects } = parseSbom(bytes);
    const document: unknown = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
    return { kind, subjects, sha256: sha256(canonicalJson(document)) };
  } catch (error) {
    return { code: (error as { code?: unknown }).code };
  }
}

/** Documents of public projects and of the formats' own conformance sets, where they lie beside the repository. */
function publishedDocuments(): readonly string[] {
  const folders = ['sbom-quality', 'cyclonedx', 'spdx'].map((name) => join(SHARED, name));
  return folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.json(\.gz)?$/.test(name))
      .map((name) => join(folder, name)),
  );
}

describe('in pieces, a document is what it is at once', () => {
  test('published documents, valid ones and others', () => {
    const paths = publishedDocuments();
    if (paths.length === 0) {
      process.stderr.write('skipped: the published documents are not beside the repository\n');
      return;
    }
    let valid = 0;
    for (const path of paths) {
      const bytes = path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path);
      const outcome = inPieces(bytes);
      expect([path, outcome]).toEqual([path, atOnce(bytes)]);
      if ('kind' in outcome) valid += 1;
    }
    expect(valid).toBeGreaterThan(20);
    expect(paths.length).toBeGreaterThan(valid);
  });

  test.each<[string, string]>([
    ['CycloneDX', JSON.stringify(CYCLONEDX)],
    ['SPDX', JSON.stringify(SPDX)],
    ['white space everywhere', JSON.stringify(CYCLONEDX, null, '\t').replaceAll('\n', '\r\n ')],
    ['a byte order mark', `\uFEFF${JSON.stringify(SPDX)}`],
    ['empty lists', JSON.stringify({ ...CYCLONEDX, components: [], dependencies: [] })],
    ['an empty object', '{}'],
    ['a list', '[]'],
    ['nothing', ''],
    ['a word', 'null'],
    ['an unknown member', JSON.stringify({ ...CYCLONEDX, extra: 1 })],
    ["the other format's list", JSON.stringify({ ...CYCLONEDX, packages: [] })],
    ['a list that is an object', JSON.stringify({ ...CYCLONEDX, components: {} })],
    ['an element that is no component', JSON.stringify({ ...CYCLONEDX, components: [COMPONENT, {}] })],
    [
      'an element twice',
      JSON.stringify({ ...CYCLONEDX, components: [COMPONENT, { ...CYCLONEDX.components[1] }, COMPONENT] }),
    ],
    [
      'an element twice, spelled otherwise',
      JSON.stringify({ ...CYCLONEDX, components: [COMPONENT, { version: '1', name: 'a', type: 'library' }] }),
    ],
    [
      'a statement as an element',
      JSON.stringify({ ...CYCLONEDX, components: [{ ...COMPONENT, _type: 'https://in-toto.io/Statement/v1' }] }),
    ],
    [
      'a statement',
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [],
        predicateType: 'x',
        predicate: CYCLONEDX,
      }),
    ],
    ['an envelope', JSON.stringify({ payloadType: 'x', payload: 'x', signatures: [] })],
    ['text behind it', `${JSON.stringify(CYCLONEDX)} x`],
    ['a comma behind the last element', JSON.stringify(CYCLONEDX).replace('}],"dependencies"', '},],"dependencies"')],
    [
      'no comma between elements',
      JSON.stringify(CYCLONEDX).replace('},{"type":"library","name":"b"', '} {"type":"library","name":"b"'),
    ],
    ['a comma behind the last member', JSON.stringify(CYCLONEDX).replace(/\}$/, ',}')],
    ['no colon', JSON.stringify(CYCLONEDX).replace('"components":', '"components"')],
    ['brackets that do not fit', JSON.stringify(CYCLONEDX).replace('"dependsOn":["b"]', '"dependsOn":["b"}')],
    ['a broken string', JSON.stringify(CYCLONEDX).replace('"name":"b"', '"name":"b')],
    ['a raw line end in a string', JSON.stringify(CYCLONEDX).replace('"name":"b"', '"name":"b\n"')],
    ['an end too early', JSON.stringify(CYCLONEDX).slice(0, -20)],
    ['a number that is none', JSON.stringify(CYCLONEDX).replace('"version":1', '"version":01')],
    ['too deep', JSON.stringify(CYCLONEDX).replace('"ref":"a"', `"ref":"a","x":${'['.repeat(300)}${']'.repeat(300)}`)],
    ['SPDX 2.2', JSON.stringify({ ...SPDX, spdxVersion: 'SPDX-2.2' })],
    ['a package without a name', JSON.stringify({ ...SPDX, packages: [{ SPDXID: 'SPDXRef-x' }] })],
  ])('%s', (_name, text) => {
    const bytes = Buffer.from(text);
    expect(inPieces(bytes)).toEqual(atOnce(bytes));
  });

  test('bytes that are not UTF-8', () => {
    const bytes = Buffer.from(JSON.stringify(CYCLONEDX));
    bytes[bytes.indexOf('quoted')] = 0xff;
    expect(inPieces(bytes)).toEqual({ code: 'SBOM_MALFORMED' });
    expect(atOnce(bytes)).toEqual({ code: 'SBOM_MALFORMED' });
  });

  test('the subjects are those that the document describes', () => {
    expect(inPieces(Buffer.from(JSON.stringify(CYCLONEDX)))).toMatchObject({ subjects: [`sha256:${DIGEST}`] });
    expect(inPieces(Buffer.from(JSON.stringify(SPDX)))).toMatchObject({
      subjects: [`sha256:${DIGEST}`, `sha256:${'cd'.repeat(32)}`],
    });
  });
});

test('a name that is twice in the outermost object is refused: readers differ in which one they take', () => {
  const text = JSON.stringify(CYCLONEDX).replace('"version":1', '"version":1,"components":[]');
  expect(inPieces(Buffer.from(text))).toEqual({ code: 'SBOM_MALFORMED' });
});

test('the list of a large product is checked for doubles without comparing each with each', () => {
  const components = Array.from({ length: 60_000 }, (_, index) => ({ ...COMPONENT, name: `c${index}` }));
  const bytes = Buffer.from(JSON.stringify({ ...CYCLONEDX, components }));
  expect(checkSbom(bytes).subjects).toEqual([`sha256:${DIGEST}`]);
  const twice = Buffer.from(JSON.stringify({ ...CYCLONEDX, components: [...components, components[0]] }));
  expect(() => checkSbom(twice)).toThrow(expect.objectContaining({ code: 'SBOM_SCHEMA_INVALID' }));
  expect(() => parseSbom(twice)).toThrow(expect.objectContaining({ code: 'SBOM_SCHEMA_INVALID' }));
});
