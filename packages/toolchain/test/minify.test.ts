import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { minified } from '../src/bundle/compile-entry.js';

const LIBRARY = 'node_modules/ae-cvss-calculator/dist/ae-cvss-calculator.js';

test('classes of a library that was minified before do not extend themselves', async () => {
  const code = await readFile(LIBRARY, 'utf8');
  expect(code).toMatch(/class \w extends \w\b/);
  const small = await minified(`const module = { exports: {} };\n${code}\nexport default module.exports;\n`);
  expect(small).not.toMatch(/class (\w+) extends \1\b/);
});
