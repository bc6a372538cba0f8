import { describe, expect, test } from '@jest/globals';
import { withEagerModules } from '../src/bundle/eager-modules.js';

describe('withEagerModules', () => {
  test.each([
    ['an arrow', 'const m={12:(e,t)=>{t.a=1}};\n', 'const m={12:((e,t)=>{t.a=1})};\n'],
    ['a function', 'const m={1:function(e){e()}};\n', 'const m={1:(function(e){e()})};\n'],
    ['a bundle within a bundle', 'x={1:e=>{y={2:t=>{t}}}};\n', 'x={1:(e=>{y={2:(t=>{t})}})};\n'],
    [
      'behind characters of more than one byte',
      'const s="\u2026\ud83d\udca9",m={3:e=>{e}};\n',
      'const s="\u2026\ud83d\udca9",m={3:(e=>{e})};\n',
    ],
  ])('puts parentheses around %s', async (_name, code, expected) => {
    await expect(withEagerModules(code)).resolves.toBe(expected);
    // Again: the parser goes on counting where it stopped.
    await expect(withEagerModules(code)).resolves.toBe(expected);
  });

  test.each([
    ['a named property', 'const m={run:e=>{e}};\n'],
    ['a number that is no function', 'const m={1:"e=>{e}",2:[e=>e]};\n'],
    ['text that looks like a module', 'const t="1:(e,t)=>{}",r=/1:e=>{}/;\n'],
  ])('leaves %s alone', async (_name, code) => {
    await expect(withEagerModules(code)).resolves.toBe(code);
  });
});
