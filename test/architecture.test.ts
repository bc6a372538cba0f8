import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { checkImports, IMPORT_TABLE, type ImportRule, parseImports, violationsOf } from '@paved/toolchain';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

test('every package and action imports what its list allows, and nothing else', async () => {
  expect(await checkImports(ROOT, IMPORT_TABLE)).toEqual([]);
});

test('the table names every package and every action that has sources', async () => {
  expect([...IMPORT_TABLE.order].sort()).toEqual((await readdir(join(ROOT, 'packages'))).sort());
  expect(Object.keys(IMPORT_TABLE.packages).sort()).toEqual([...IMPORT_TABLE.order].sort());
  const folders = (await readdir(join(ROOT, 'actions'), { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  );
  for (const { name } of folders) {
    const files = await readdir(join(ROOT, 'actions', name, 'src')).catch(() => []);
    if (files.length > 0) expect([name, Object.hasOwn(IMPORT_TABLE.actions, name)]).toEqual([name, true]);
  }
});

test('the contract in docs/architecture.md names the same packages in the same order', async () => {
  const text = await readFile(join(ROOT, 'docs/architecture.md'), 'utf8');
  const table = text.slice(text.indexOf('## Packages'), text.indexOf('## An action'));
  const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z-]+)`/g)]);
  expect(rows.map(([, name]) => name)).toEqual([...IMPORT_TABLE.order]);
});

test('each of the heavy or dangerous packages has one place', () => {
  const users = (name: string) =>
    [...Object.entries(IMPORT_TABLE.packages), ...Object.entries(IMPORT_TABLE.actions)]
      .filter(([, rule]) => rule.packages.includes(name))
      .map(([user]) => user);
  expect(users('@actions/artifact')).toEqual(['handoff']);
  expect(users('@actions/core')).toEqual(['runner-kit']);
  expect(users('@actions/github')).toEqual(['runner-kit']);
  expect(users('@actions/exec')).toEqual(['runner-kit']);
  expect(users('@actions/cache')).toEqual(['runner-kit']);
  expect(users('@paved/handoff')).toEqual(['handoff']);
  expect(users('@paved/handoff/receive')).toEqual(['watch']);
  expect(users('@paved/runner-kit/exec')).toEqual(['hermetic-build']);
});

describe('a planted violation turns the check red', () => {
  const gate = IMPORT_TABLE.packages.gate as ImportRule;
  const sign = IMPORT_TABLE.actions.sign as ImportRule;
  test.each([
    ['gate', gate, "import x from 'tar-stream';"],
    ['gate', gate, "import type { X } from 'tar-stream';"],
    ['gate', gate, "export { x } from 'tar-stream/sub';"],
    ['gate', gate, "export * from '@actions/core';"],
    ['gate', gate, "const x = await import('tar-stream');"],
    ['gate', gate, 'const x = await import(`tar-${name}`);'],
    ['gate', gate, "const x = require('tar-stream');"],
    ['gate', gate, "import x = require('tar-stream');"],
    ['gate', gate, "let x: import('tar-stream').Pack;"],
    ['gate', gate, "import.meta.resolve('tar-stream');"],
    ['gate', gate, "import '@paved/sigstore';"],
    ['gate', gate, "import '@paved/runner-kit/testing';"],
    ['gate', gate, "import { x } from '../../oci/src/index.js';"],
    ['gate', gate, "import { x } from '@paved/oci/src/index.js';"],
    ['gate', gate, "import { spawn } from 'node:child_process';"],
    ['gate', gate, "import { spawn } from 'child_process';"],
    ['gate', gate, "import 'node:vm';"],
    ['gate', gate, "import http from 'node:http';"],
    ['gate', gate, 'const x = process.env.HOME;'],
    ['gate', gate, "const x = process['env'];"],
    ['gate', gate, 'const { env } = process;'],
    ['gate', gate, 'const x = globalThis.process.env;'],
    ['gate', gate, "import { env } from 'node:process';"],
    ['sign', sign, "import { exec } from '@paved/runner-kit/exec';"],
    ['sign', sign, "import { testContext } from '@paved/runner-kit/testing';"],
    ['sign', sign, "import '@actions/core';"],
    ['sign', sign, "import '@paved/testkit';"],
    ['sign', sign, "import { run } from '../../push/src/run.js';"],
  ] as const)('%s: %s%s', async (_name, rule, source) => {
    expect(violationsOf(await parseImports(source), rule, IMPORT_TABLE)).not.toEqual([]);
  });

  test('but neither comments nor strings do', async () => {
    const source =
      "// import 'tar-stream'\nconst x = \"import 'tar-stream'; process.env\";\nimport { a } from './a.js';";
    expect(violationsOf(await parseImports(source), gate, IMPORT_TABLE)).toEqual([]);
  });

  test('in the tree, with its file', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'paved-architecture-'));
    try {
      await cp(join(ROOT, 'packages/json/src'), join(copy, 'packages/json/src'), { recursive: true });
      await writeFile(join(copy, 'packages/json/src/evil.ts'), "import '@paved/http';\n");
      expect(await checkImports(copy, IMPORT_TABLE)).toEqual([
        'packages/json/src/evil.ts: imports @paved/http: the package is not on its list',
      ]);
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});
