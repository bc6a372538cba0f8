import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement, PREDICATE_TYPES } from '@paved/attestation';
import { shellText } from '../src/equivalent-commands.js';
import { FILE_BYTES, FILE_DIGEST, type FileBench, startFileBench } from './file-bench.js';
import { honest, startWorld, WORKFLOW, type World } from './world.js';

describe('a printed command', () => {
  test.each([
    ["a'b"],
    ['$(touch owned)'],
    ['`id`'],
    ['a; b'],
    ['a b'],
    ['a && b | c > d'],
    ['~root'],
    ['*'],
    ['"$HOME"'],
    ['\\'],
    ['#x'],
    [''],
    ['!x'],
    ['-n'],
    ['https://github.com/a/b/.github/workflows/c.yml@refs/heads/main'],
  ])('gives a shell the word %j back as one word', (word) => {
    const printed = shellText(['printf', '%s\\0', word]);
    expect(execFileSync('/bin/sh', ['-c', printed], { encoding: 'utf8' })).toBe(`${word}\0`);
  });

  test.each(['a\nb', 'a\rb', 'a\u001b[31m', 'a\u2028b', 'a\u202eb'])('is one plain line, whatever %j says', (word) => {
    expect(shellText(['cosign', word])).toMatch(/^[\x20-\x7e]+$/);
  });
});

describe('the commands of a run', () => {
  let world: World;
  let bench: FileBench;
  beforeAll(async () => {
    world = await startWorld();
    bench = await startFileBench(world);
  });
  afterAll(async () => {
    await bench.dispose();
    await world.close();
  });

  async function printed(transparency: 'required' | 'off', algorithm: 'sha256' | 'sha512' = 'sha256') {
    const digest = createHash(algorithm).update(FILE_BYTES).digest('hex');
    const payload = encodeStatement(
      buildStatement({
        predicateType: PREDICATE_TYPES['sbom-spdx'],
        subjects: [{ name: 'widget', digest: { [algorithm]: digest } }],
        predicate: honest(FILE_DIGEST)['sbom-spdx'],
      }),
    );
    const bundle = await world.signPayload(payload, {}, transparency);
    const before = bench.kit.lines.length;
    const asked = { require: 'sbom-spdx', transparency, 'digest-algorithm': algorithm, 'print-commands': 'true' };
    expect((await bench.verify([bundle], asked)).code).toBeUndefined();
    return bench.kit.lines.slice(before).flatMap((text) => text.split('\n'));
  }

  test('name the whole identity, and no beginning of one', async () => {
    const lines = await printed('required');
    const [gh] = lines.filter((line) => line.startsWith('gh '));
    expect(gh).toContain(` --cert-identity https://github.com/${WORKFLOW}@refs/tags/v1 `);
    expect(gh).not.toContain('--signer-workflow');
    expect(gh).not.toContain('--digest-alg');
    expect(lines.filter((line) => line.startsWith('cosign '))).toHaveLength(1);
  });

  test('tell gh which digest the statement has', async () => {
    const [gh] = (await printed('required', 'sha512')).filter((line) => line.startsWith('gh '));
    expect(gh).toContain(' --digest-alg sha512 ');
  });

  test('leave gh out where it could only refuse: a bundle without a log entry', async () => {
    const lines = await printed('off');
    expect(lines.filter((line) => line.startsWith('gh '))).toEqual([]);
    expect(lines.find((line) => line.startsWith('cosign '))).toContain(' --insecure-ignore-tlog ');
  });
});
