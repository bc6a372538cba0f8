import { expect, test } from '@jest/globals';
import { parseDeclaredLicence } from '@paved/bom';

test.each([
  ['MIT', { $case: 'id', id: 'MIT' }],
  ['apache-2.0', { $case: 'id', id: 'Apache-2.0' }],
  ['(mit OR Apache-2.0)', { $case: 'expression', expression: '(MIT OR Apache-2.0)' }],
  ['GPL-2.0+ AND (MIT OR BSD-3-Clause)', { $case: 'expression', expression: 'GPL-2.0+ AND (MIT OR BSD-3-Clause)' }],
  [
    'GPL-2.0-only WITH Classpath-exception-2.0',
    { $case: 'expression', expression: 'GPL-2.0-only WITH Classpath-exception-2.0' },
  ],
  ['MIT OR', { $case: 'name', name: 'MIT OR' }],
  ['(MIT', { $case: 'name', name: '(MIT' }],
  ['MIT License', { $case: 'name', name: 'MIT License' }],
  ['SEE LICENSE IN LICENSE.md', { $case: 'name', name: 'SEE LICENSE IN LICENSE.md' }],
  ['MIT / BSD', { $case: 'name', name: 'MIT / BSD' }],
])('reads "%s"', (text, licence) => {
  expect(parseDeclaredLicence(text)).toEqual(licence);
});

test('bounds the recursion of hostile parentheses', () => {
  expect(parseDeclaredLicence('('.repeat(100_000)).$case).toBe('name');
});
