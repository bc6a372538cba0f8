import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { assertSbomSchema } from '@paved/bom';
import { digestHex, sha256 } from '@paved/digest';
import { fixture } from './fixture.js';

const schemas = join(process.cwd(), 'packages', 'bom', 'src', 'schemas');

test('the embedded schemas are the bytes that SOURCE.md names', () => {
  const source = readFileSync(join(schemas, 'SOURCE.md'), 'utf8');
  const files = readdirSync(schemas).filter((name) => name.endsWith('.schema.json'));
  expect(files).toHaveLength(7);
  for (const file of files) {
    const hex = digestHex(sha256(readFileSync(join(schemas, file))));
    expect(source.split('\n').find((line) => line.includes(file))).toContain(hex);
  }
});

describe('the CycloneDX project’s own documents', () => {
  const files = readdirSync(fixture('cyclonedx')).map((name) => [name] as const);
  test.each(files)('%s', (name) => {
    const check = () => assertSbomSchema('cyclonedx', JSON.parse(readFileSync(fixture(`cyclonedx/${name}`), 'utf8')));
    if (name.startsWith('valid')) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'SBOM_SCHEMA_INVALID' }));
  });
});
