import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HttpClient } from '@paved/http';
import { parseSigningCertificate, parseTrustedRoot } from '@paved/sigstore';
import { followLog, isIssuedByAuthority, logsOf, readLoggedSigner } from '@paved/sigstore/log';
import { startLoopback } from '@paved/testkit';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { type SigstoreContext, signSet, startContext } from './context.js';

/** Upstream's Rekor leaves reading to a file server over its storage, as the public instance does with a bucket. */
async function serveStorage(folder: string) {
  return await startLoopback({
    async handle(_request, { pathname }) {
      const bytes = await readFile(join(folder, pathname.replace('/api/v2/', ''))).catch(() => undefined);
      return bytes === undefined ? { status: 404 } : { status: 200, body: bytes };
    },
  });
}

const followsUpstream: EngineTest<SigstoreContext> = {
  name: "Rekor's own tiles: every entry is proved, and names who signed",
  async run(context) {
    const root = JSON.parse(context.instances.real.trustedRoot) as { tlogs: object[] };
    const storage = await serveStorage(join(context.folder, 'real', 'rekor'));
    const http = new HttpClient();
    try {
      const tlogs = root.tlogs.map((log) => ({ ...log, baseUrl: storage.url }));
      const trustedRoot = parseTrustedRoot(JSON.stringify({ ...root, tlogs }));
      const [log] = logsOf(trustedRoot, new Date()).followed;
      if (log === undefined) throw new Error('the trusted root has no log with tiles');
      await signSet(context, 'real');
      const before = (await followLog({ log, http })).checkpoint;
      await signSet(context, 'real');
      const followed = await followLog({ log, http, saved: before.text });
      const names: string[] = [];
      for await (const { entries } of followed.read(before.size)) {
        for (const der of entries.flatMap((entry) => readLoggedSigner(entry).certificates)) {
          expectThat('an authority of the trusted root issued it', isIssuedByAuthority(der, trustedRoot));
          names.push(parseSigningCertificate(der).san);
        }
      }
      expectThat('three entries are new', names.length === 3, String(names.length));
      expectThat(
        'all are ours',
        names.every((name) => name === context.identity),
        names.join(),
      );
    } finally {
      http.close();
      await storage.close();
    }
  },
};

/** The log that the watch follows, as upstream writes it. */
export const watchSuite = defineSuite<SigstoreContext>({
  engines: ['fulcio', 'rekor', 'timestamp-server', 'cosign', 'gh'],
  start: startContext,
  tests: [followsUpstream],
});
