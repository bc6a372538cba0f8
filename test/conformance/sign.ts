import { readFile, writeFile } from 'node:fs/promises';
import { HttpClient } from '@paved/http';
import { openSigningSession, PUBLIC_GOOD_TRUSTED_ROOT, parseTrustedRoot, resolveInstance } from '@paved/sigstore';
import { parseBundle } from '@paved/sigstore/bundle';
import { verifyMaterial } from '@paved/sigstore/verify-material';
import type { ConformanceCall } from './options.js';

type Signing = Extract<ConformanceCall, { readonly command: 'sign-bundle' }>;

/** What does not verify under the trusted root that is given, or the embedded one of the same instance, is not written. */
async function verifyOwn(json: string, call: Signing, bytes: Buffer): Promise<void> {
  const { trustedRootPath, signingConfigPath } = call;
  if (trustedRootPath === undefined && signingConfigPath !== undefined) return;
  const root = trustedRootPath === undefined ? PUBLIC_GOOD_TRUSTED_ROOT : await readFile(trustedRootPath, 'utf8');
  const trustedRoot = parseTrustedRoot(root);
  const bundle = parseBundle(json);
  verifyMaterial({ bundle, trustedRoot, artifactBytes: bytes, transparency: 'required', names: 'any' });
}

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
    await verifyOwn(json, call, bytes);
    await writeFile(call.bundlePath, json);
  } finally {
    http.close();
  }
}
