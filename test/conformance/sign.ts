import { readFile, writeFile } from 'node:fs/promises';
import { HttpClient } from '@paved/http';
import { openSigningSession, resolveInstance } from '@paved/sigstore';
import type { ConformanceCall } from './options.js';

type Signing = Extract<ConformanceCall, { readonly command: 'sign-bundle' }>;

/** Signs the file, or with `--in-toto` the statement in it, and writes the bundle. */
export async function signCall(call: Signing): Promise<void> {
  const bytes = await readFile(call.artifact);
  const { signingConfigPath } = call;
  const { fulcioUrl, logs, tsaUrls } = resolveInstance({
    instance: signingConfigPath === undefined ? 'public-good' : 'custom',
    transparency: 'required',
    at: new Date(),
    ...(signingConfigPath === undefined ? {} : { signingConfig: await readFile(signingConfigPath, 'utf8') }),
  });
  const http = new HttpClient();
  try {
    const session = await openSigningSession({
      ...{ fulcioUrl, logs, tsaUrls, http },
      transparency: 'required',
      idToken: async () => call.identityToken,
    });
    const { json } = await (call.inToto ? session.signStatement(bytes) : session.signBlob(bytes));
    session.close();
    await writeFile(call.bundlePath, json);
  } finally {
    http.close();
  }
}
