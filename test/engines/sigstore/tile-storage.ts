import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Loopback, startLoopback } from '@paved/testkit';
import type { SigstoreContext } from './context.js';

/** Upstream's Rekor leaves reading to a file server over its storage, as the public instance does with a bucket. */
export async function serveTiles({
  folder,
  instances,
}: SigstoreContext): Promise<{ readonly storage: Loopback; readonly trustedRoot: string }> {
  const storage = await startLoopback({
    async handle(_request, { pathname }) {
      const path = join(folder, 'real', 'rekor', pathname.replace('/api/v2/', ''));
      const bytes = await readFile(path).catch(() => undefined);
      return bytes === undefined ? { status: 404 } : { status: 200, body: bytes };
    },
  });
  const root = JSON.parse(instances.real.trustedRoot) as { tlogs: object[] };
  const tlogs = root.tlogs.map((log) => ({ ...log, baseUrl: storage.url }));
  return { storage, trustedRoot: JSON.stringify({ ...root, tlogs }) };
}
