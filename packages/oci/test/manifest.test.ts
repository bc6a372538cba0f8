import { describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, parseManifest } from '../src/index.js';

const PART = { mediaType: 'application/octet-stream', digest: sha256('x'), size: 1 };
const IMAGE = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: PART, layers: [PART] };
const INDEX = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...PART, mediaType: OCI_MANIFEST }] };

function bytes(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}

test('an image manifest and an index are read, with the digest of their bytes', () => {
  const image = parseManifest(bytes(IMAGE), OCI_MANIFEST);
  expect(image).toMatchObject({ kind: 'image', digest: sha256(bytes(IMAGE)), layers: [PART] });
  expect(parseManifest(bytes(INDEX), OCI_INDEX)).toMatchObject({ kind: 'index' });
  const { mediaType: _, ...untyped } = IMAGE;
  expect(parseManifest(bytes(untyped), OCI_MANIFEST).mediaType).toBe(OCI_MANIFEST);
});

describe('documents that two readers could read differently', () => {
  test.each([
    ['manifests beside layers', { ...IMAGE, manifests: [] }, OCI_MANIFEST],
    ['manifests beside config', { ...INDEX, config: PART }, OCI_INDEX],
    ['layers in an index', { ...INDEX, layers: [] }, OCI_INDEX],
    ['an index sent as an image', INDEX, OCI_MANIFEST],
    ['an image sent as an index', IMAGE, OCI_INDEX],
    ['another Content-Type', IMAGE, DOCKER_MANIFEST],
    ['no mediaType and the other shape', { schemaVersion: 2, manifests: [] }, OCI_MANIFEST],
    ['a member in another case', { ...IMAGE, Manifests: [] }, OCI_MANIFEST],
    ['a schema version 1 member', { ...IMAGE, fsLayers: [] }, OCI_MANIFEST],
  ])('%s is refused', (_name, document, mediaType) => {
    expect(() => parseManifest(bytes(document), mediaType)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_AMBIGUOUS' }),
    );
  });
});

describe('documents that are no manifest', () => {
  test.each<[string, unknown, string]>([
    ['schema version 1', { ...IMAGE, schemaVersion: 1 }, OCI_MANIFEST],
    ['an unknown type', IMAGE, 'application/json'],
    ['a negative size', { ...IMAGE, config: { ...PART, size: -1 } }, OCI_MANIFEST],
    ['a short digest', { ...IMAGE, config: { ...PART, digest: 'sha256:ab' } }, OCI_MANIFEST],
    ['a media type with a line break', { ...IMAGE, config: { ...PART, mediaType: 'a/b\r\nx: y' } }, OCI_MANIFEST],
    ['layers that are no list', { ...IMAGE, layers: {} }, OCI_MANIFEST],
    ['a list', [], OCI_MANIFEST],
  ])('%s is refused', (_name, document, mediaType) => {
    expect(() => parseManifest(bytes(document), mediaType)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID' }),
    );
  });

  test('bytes that are not UTF-8 are refused', () => {
    const broken = Buffer.concat([bytes(IMAGE).subarray(0, -1), Buffer.from(',"x":"\xff"}', 'latin1')]);
    expect(() => parseManifest(broken, OCI_MANIFEST)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });
});
