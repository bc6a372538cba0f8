#!/usr/bin/env node
// The command line of paved: runs the committed bundle of one action as GitHub Actions would, without GitHub.
// Plain JavaScript without dependencies, because it has to start on whatever Node the machine has.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from './paved/main.mjs';
import { ROOT } from './paved/root.mjs';

const NEEDED_NODE = 24;

/** Bundles need Node 24: the one that npm installed beside this package stands in for an older one. */
function runWithNeededNode(argv) {
  const platform = `node-${process.platform}-${process.arch}`;
  const candidates = [join(ROOT, 'node_modules'), dirname(ROOT), dirname(dirname(ROOT))].map((folder) =>
    join(folder, platform, 'bin', 'node'),
  );
  const node = candidates.find((path) => existsSync(path));
  if (node === undefined) {
    process.stderr.write(
      `NODE_TOO_OLD: Cannot run on Node ${process.versions.node}: Node ${NEEDED_NODE} is needed\nInstall Node ${NEEDED_NODE}\n`,
    );
    return Promise.resolve(2);
  }
  return new Promise((done, fail) => {
    const child = spawn(node, [fileURLToPath(import.meta.url), ...argv], { stdio: 'inherit' });
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
}

const argv = process.argv.slice(2);
const isOld = Number(process.versions.node.split('.')[0]) < NEEDED_NODE;
process.exitCode = await (isOld ? runWithNeededNode(argv) : main(argv));
