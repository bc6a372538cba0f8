import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { readCargoLock } from '../src/cargo/locked-crate.js';
import { lockedDistributions } from '../src/python/locked-distribution.js';

const folder = join(process.cwd(), '../shared/fixtures/lockfiles');
const present = existsSync(join(folder, 'expected.json'));
const when = present ? test : test.skip;
const expected = present ? JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')).files : {};
const read = (path: string) => {
  const plain = join(folder, path);
  return existsSync(plain) ? readFileSync(plain, 'utf8') : gunzipSync(readFileSync(`${plain}.gz`)).toString('utf8');
};
const environment = {
  os_name: 'posix',
  sys_platform: 'linux',
  platform_machine: 'x86_64',
  platform_python_implementation: 'CPython',
  platform_system: 'Linux',
  python_version: '3.11',
  python_full_version: '3.11.7',
  implementation_name: 'cpython',
  extra: '',
};

when.each(['cargo-zizmor', 'cargo-in-toto'])('crates of %s (skipped where ../shared/fixtures is absent)', (name) => {
  const path = `${name}/Cargo.lock`;
  const { crates, own } = readCargoLock(read(path));
  expect([crates.length, own.length]).toEqual([expected[path].bySource.registry, expected[path].bySource.none]);
});

when.each(['pip-hashes-conformance', 'pip-hashes-yaml'])(
  'distributions and hashes of %s (skipped likewise)',
  (name) => {
    const path = `${name}/requirements.txt`;
    const locked = lockedDistributions('requirements', read(path), environment);
    const hashes = locked.reduce((sum, item) => sum + item.sha256.length, 0);
    expect([locked.length, hashes]).toEqual([expected[path].packages, expected[path].hashes]);
  },
);

when.each([
  ['uv', 'uv-zizmor/uv.lock'],
  ['uv', 'uv-small/uv.lock'],
  ['poetry', 'poetry-groups/poetry.lock'],
] as const)('%s: what %s installs here is part of what it locks (skipped likewise)', (kind, path) => {
  const locked = lockedDistributions(kind, read(path), environment);
  const { packages, bySource } = expected[path];
  expect(locked.length).toBeGreaterThan(0);
  expect(locked.length).toBeLessThanOrEqual(bySource.registry ?? packages);
});
