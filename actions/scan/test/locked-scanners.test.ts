import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { readToolLock } from '@paved/runner-kit/tools';
import { LOCKED_SCANNERS } from '../src/locked-scanners.js';
import { chooseScanners } from '../src/scanners.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

test('what is locked in the bundle is what is locked in the repository', async () => {
  const scanners = ['grype', 'trivy', 'osv-scanner', 'trivy-files', 'gitleaks', 'syft'];
  const names = new Set(chooseScanners(scanners).map(({ tool }) => tool));
  const { tools } = await readToolLock(join(ROOT, 'tools.lock.json'));
  expect(LOCKED_SCANNERS.tools).toEqual(tools.filter(({ tool }) => names.has(tool)));
  expect(new Set(LOCKED_SCANNERS.tools.map(({ tool }) => tool))).toEqual(names);
});
