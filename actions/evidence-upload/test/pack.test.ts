import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Bench, bench, filesOf, sourcesOf } from './pack.js';

let stage: Bench;
beforeEach(async () => {
  stage = await bench();
});
afterEach(() => stage.dispose());

describe('mode: pack', () => {
  test('gives every document its place, and lists it', async () => {
    const outputs = await stage.run({ mode: 'pack', architecture: 'amd64', ...(await sourcesOf(stage)) });
    const folder = outputs['pack-path'] ?? '';
    const manifest = JSON.parse(await readFile(outputs['manifest-path'] ?? '', 'utf8'));
    const paths = [
      'attestations/amd64/attestation-widget-provenance.json',
      'logs/build-record.json',
      'logs/build.log',
      'logs/sign-1.jsonl',
      'sboms/amd64/sbom-widget-cyclonedx.json',
      'sboms/amd64/sbom-widget-spdx.json',
      'scans/amd64/scan-widget-verdict.json',
    ];
    expect(manifest.files.map(({ path }: { path: string }) => path)).toEqual(paths);
    expect(await filesOf(folder)).toEqual([...paths, 'manifest.json'].sort());
    for (const file of manifest.files) {
      const bytes = await readFile(join(folder, file.path));
      expect([file.size, file.sha256]).toEqual([bytes.length, sha256(bytes)]);
    }
    expect(manifest.artifact).toEqual({
      name: 'widget',
      architecture: 'amd64',
      subjects: [{ name: 'widget.tgz', digest: sha256('widget') }],
    });
    expect(stage.kit.summary()).toContain('sbom-widget-spdx');
  });

  test('writes a manifest that fits its schema', async () => {
    const outputs = await stage.run({ mode: 'pack', ...(await sourcesOf(stage)) });
    const schema = JSON.parse(
      await readFile(new URL('../../../docs/schemas/evidence-manifest.schema.json', import.meta.url), 'utf8'),
    );
    const ajv = new Ajv2020({ strict: true });
    addFormats.default(ajv);
    const validate = ajv.compile(schema);
    const manifest = JSON.parse(await readFile(outputs['manifest-path'] ?? '', 'utf8'));
    expect([validate(manifest), validate.errors]).toEqual([true, null]);
    expect(validate({ ...manifest, files: [{ ...manifest.files[0], path: '../x' }] })).toBe(false);
  });

  test.each([
    ['two CycloneDX documents with one name', { 'sboms/c.json': '{"bomFormat":"CycloneDX"}' }, 'PACK_CONFLICT'],
    ['an SBOM in no known format', { 'sboms/c.json': '{}' }, 'SBOM_UNKNOWN'],
    ['a bundle that is not what sign wrote', { 'bundles/provenance.sigstore.json': '{}' }, 'BUNDLE_MISMATCH'],
    ['a log with the name of a signature', { 'record/build.log.sig': 'x' }, 'INPUT_INVALID'],
    ['a log that hides', { 'record/.env': 'x' }, 'INPUT_INVALID'],
    ['two logs with one name but for case', { 'record/BUILD.log': 'x' }, 'PACK_CONFLICT'],
  ])('refuses %s', async (_name, files, code) => {
    const sources = await sourcesOf(stage);
    for (const [path, body] of Object.entries(files)) await stage.write(path, body);
    await expect(stage.run({ mode: 'pack', ...sources })).rejects.toMatchObject({ code });
  });

  test('refuses a link among the logs', async () => {
    const sources = await sourcesOf(stage);
    await symlink('/etc/hostname', join(stage.kit.temp, 'record', 'link'));
    await expect(stage.run({ mode: 'pack', ...sources })).rejects.toMatchObject({ code: 'PACK_INVALID' });
  });

  test('refuses an empty pack, and a name that leaves its folder', async () => {
    await expect(stage.run({ mode: 'pack' })).rejects.toMatchObject({ code: 'PACK_EMPTY' });
    await expect(stage.run({ mode: 'pack', name: '../x' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
