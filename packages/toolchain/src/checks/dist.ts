import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleActions } from '../bundle/bundle-actions.js';
import { filesBelow } from '../paths.js';
import { type Check, driftedFiles } from './check.js';

/** dist/ is what the sources produce, and holds nothing else. */
export const distCheck: Check = {
  name: 'dist',
  cure: 'npm run bundle',
  async drifted(root) {
    const target = await mkdtemp(join(tmpdir(), 'paved-dist-'));
    try {
      await bundleActions({ root, target });
      const expected = new Map<string, Buffer>();
      for (const path of await filesBelow(target)) expected.set(`dist/${path}`, await readFile(join(target, path)));
      const committed = (await filesBelow(join(root, 'dist'))).map((path) => `dist/${path}`);
      return [...(await driftedFiles(root, expected)), ...committed.filter((path) => !expected.has(path))].sort();
    } finally {
      await rm(target, { recursive: true });
    }
  },
};
