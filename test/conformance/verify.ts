import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { digestSetHas, parseSignedStatement } from '@paved/attestation';
import { type Digest, parseDigest, sha256 } from '@paved/digest';
import { PUBLIC_GOOD_TRUSTED_ROOT, parseTrustedRoot, SigstoreError, verifyBundle } from '@paved/sigstore';
import { parseBundle } from '@paved/sigstore/bundle';
import { verifyMaterial } from '@paved/sigstore/verify-material';
import { verifyDigestSignature } from './digest-signature.js';
import type { ConformanceCall } from './options.js';

type Verification = Extract<ConformanceCall, { readonly command: 'verify-bundle' }>;

/**
 * Verifies as the protocol asks: by subject alternative name and issuer alone, which no policy of the product allows.
 * @throws when anything does not verify
 */
export async function verifyCall({ bundlePath, signer, trustedRootPath, artifact }: Verification): Promise<void> {
  const text = await readFile(bundlePath, 'utf8');
  const root = trustedRootPath === undefined ? PUBLIC_GOOD_TRUSTED_ROOT : await readFile(trustedRootPath, 'utf8');
  const trustedRoot = parseTrustedRoot(root);
  const { digest, bytes } = await readArtifact(artifact);
  const given = bytes === undefined ? { digestVerifier: verifyDigestSignature } : { artifactBytes: bytes };
  if (signer.kind === 'key') {
    // The key of the protocol's cases signs as cosign does.
    const policy = { publicKey: await readFile(signer.path, 'utf8'), rsaPadding: 'pkcs1' } as const;
    verifyBundle({ bundle: text, trustedRoot, artifactDigest: digest, policy, ...given });
    return;
  }
  const bundle = parseBundle(text);
  const { certificate } = verifyMaterial({ bundle, trustedRoot, transparency: 'required', names: 'any', ...given });
  assertEqual('identity', certificate.san, signer.identity);
  assertEqual('issuer', certificate.extensions.issuer, signer.issuer);
  if (bundle.content.$case === 'messageSignature') {
    assertEqual('digest', `sha256:${bundle.content.messageSignature.messageDigest.digest.toString('hex')}`, digest);
    return;
  }
  const statement = parseSignedStatement(bundle.content.dsseEnvelope.payload);
  if (!statement.subject.some((subject) => digestSetHas(subject.digest, digest))) {
    throw new SigstoreError('SUBJECT_MISMATCH', 'Cannot accept the statement: it is about another artifact');
  }
}

async function readArtifact(artifact: string): Promise<{ readonly digest: Digest; readonly bytes?: Buffer }> {
  // What does not look like a digest, or is a file, is a path (docs/cli_protocol.md, "Verify").
  if (/^sha256:[0-9a-f]{64}$/.test(artifact) && !existsSync(artifact)) return { digest: parseDigest(artifact) };
  const bytes = await readFile(artifact);
  return { digest: sha256(bytes), bytes };
}

function assertEqual(what: string, actual: string | undefined, expected: string): void {
  if (actual !== expected) throw new RangeError(`the ${what} is "${actual ?? ''}", expected "${expected}"`);
}
