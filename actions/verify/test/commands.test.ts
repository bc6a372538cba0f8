import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { shellText } from '../src/equivalent-commands.js';

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
