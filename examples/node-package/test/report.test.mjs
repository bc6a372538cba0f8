import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatReport, statusOf } from '../dist/report.js';

test('a version inside its range is satisfied, one outside is not', () => {
  assert.equal(statusOf({ name: 'a', installed: '1.4.0', wanted: '^1.2.0' }), 'satisfied');
  assert.equal(statusOf({ name: 'a', installed: '2.0.0', wanted: '^1.2.0' }), 'outside');
});

test('what is no version is never satisfied', () => {
  assert.equal(statusOf({ name: 'a', installed: 'latest', wanted: '*' }), 'invalid');
  assert.equal(statusOf({ name: 'a', installed: '1.0.0', wanted: 'no range' }), 'invalid');
});

test('the report is sorted by name', () => {
  const report = formatReport([
    { name: 'zeta', installed: '1.0.0', wanted: '*' },
    { name: 'alpha', installed: '1.0.0', wanted: '*' },
  ]);
  assert.ok(report.indexOf('alpha') < report.indexOf('zeta'));
});
