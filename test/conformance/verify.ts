import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { digestSetHas, parseSignedStatement } from '@paved/attestation';
import { type Digest, parseDigest, sha256 } from '@paved/digest';
import { PUBLIC_GOOD_TRUSTED_ROOT, parseTrustedRoot, SigstoreError } from '@paved/sigstore';
import { parseBundle } from '@paved/sigstore/bundle';
import { verifyKeyMaterial } from '@paved/sigstore/verify-key-material';
import { verifyMaterial } from '@paved/sigstore/verify-material';
import { verifyPrehashed } from '@paved/testkit/sigstore/p256';
import type { Bundle } from '@sigstore/bundle';
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
  const bundle = parseBundle(text);
  const material = {
    bundle,
    trustedRoot,
    transparency: 'required',
    // Signatures of digests are P-256 alone here: node:crypto verifies bytes and never a digest.
    ...(bytes === undefined ? { verifyDigest: verifyPrehashed } : { artifactBytes: bytes }),
  } as const;
  if (signer.kind === 'key') {
    // The key of the protocol's cases signs as cosign does.
    verifyKeyMaterial({ ...material, policy: { publicKey: await readFile(signer.path, 'utf8'), rsaPadding: 'pkcs1' } });
  } else {
    const { certificate } = verifyMaterial(material);
    assertEqual('identity', certificate.san, signer.identity);
    assertEqual('issuer', certificate.extensions.issuer, signer.issuer);
  }
  assertAbout(bundle, digest);
}

function assertAbout(bundle: Bundle, digest: Digest): void {
  if (bundle.content.$case === 'messageSignature') {
    const { messageDigest } = bundle.content.messageSignature;
    assertEqual('digest', `sha256:${messageDigest.digest.toString('hex')}`, digest);
    return;
  }
  const statement = parseSignedStatement(bundle.content.dsseEnvelope.payload);
  if (!statement.subject.some((subject) => digestSetHas(subject.digest, digest))) {
    throw new SigstoreError('SUBJECT_MISMATCH', 'Cannot accept the statement: it is about another artifact');
  }
}

/** What is not a whole digest, or is a file's name as well, is a path (cli_protocol.md, "FILE_OR_DIGEST"). */
async function readArtifact(artifact: string): Promise<{ readonly digest: Digest; readonly bytes?: Buffer }> {
  if (/^sha256:[0-9a-f]{64}$/i.test(artifact) && !existsSync(artifact)) {
    return { digest: parseDigest(artifact.toLowerCase()) };
  }
  const bytes = await readFile(artifact);
  return { digest: sha256(bytes), bytes };
}

function assertEqual(what: string, actual: string | undefined, expected: string): void {
  if (actual !== expected) throw new RangeError(`the ${what} is "${actual ?? ''}", expected "${expected}"`);
}
