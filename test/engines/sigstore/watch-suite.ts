import { HttpClient } from '@paved/http';
import { parseSigningCertificate, parseTrustedRoot } from '@paved/sigstore';
import { followLog, isIssuedByAuthority, logsOf, readLoggedSigner } from '@paved/sigstore/log';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { type SigstoreContext, signSet, startContext } from './context.js';
import { serveTiles } from './tile-storage.js';
import { watchAction } from './watch-action-test.js';

const followsUpstream: EngineTest<SigstoreContext> = {
  name: "Rekor's own tiles: every entry is proved, and names who signed",
  async run(context) {
    const { storage, trustedRoot: text } = await serveTiles(context);
    const http = new HttpClient();
    try {
      const trustedRoot = parseTrustedRoot(text);
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
  tests: [followsUpstream, watchAction],
});
