import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement, PREDICATE_TYPES } from '@paved/attestation';
import { digestHex, sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { githubClaims, type Issuer, type Sigstore, startIssuer, startSigstore } from '@paved/testkit';
import { openSigningSession, parseTrustedRoot, verifyBundle } from '../src/index.js';

const ARTIFACT = sha256('the artifact');
const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
const http = new HttpClient();
let issuer: Issuer;
let sigstore: Sigstore;
beforeAll(async () => {
  issuer = await startIssuer();
  sigstore = await startSigstore({ issuer });
});
afterAll(async () => {
  http.close();
  await Promise.all([sigstore.close(), issuer.close()]);
});

interface Stamped {
  /** Its timestamp is about `envelope`. */
  readonly bundle: string;
  /** The same with a timestamp about the signature. */
  readonly usual: string;
  readonly envelope: Buffer;
}

async function signStamped(): Promise<Stamped> {
  const session = await openSigningSession({
    ...{ fulcioUrl: sigstore.fulcioUrl, tsaUrl: sigstore.tsaUrl, transparency: 'off', http },
    idToken: () =>
      issuer.sign(githubClaims({ jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`, jobWorkflowSha: 'c'.repeat(40) }), {
        audience: 'sigstore',
      }),
  });
  const subjects = [{ name: 'widget', digest: { sha256: digestHex(ARTIFACT) } }];
  const statement = buildStatement({
    predicateType: PREDICATE_TYPES.verdict,
    subjects,
    predicate: { verdict: 'pass' },
  });
  const { json: usual } = await session.signStatement(encodeStatement(statement));
  const document = JSON.parse(usual);
  const envelope = Buffer.from(JSON.stringify(document.dsseEnvelope));
  const [stamp] = await session.timestamp(envelope);
  session.close();
  const rfc3161Timestamps = [{ signedTimestamp: stamp?.toString('base64') }];
  document.verificationMaterial.timestampVerificationData = { rfc3161Timestamps };
  return { bundle: JSON.stringify(document), usual, envelope };
}

function verify(bundle: string, timestampedEnvelope?: Uint8Array) {
  const policy = {
    issuer: issuer.url,
    workflowPath: `github.com/${WORKFLOW}`,
    signerDigests: ['c'.repeat(40)],
    repositoryId: '900100',
    ownerId: '800200',
    runnerEnvironment: 'github-hosted',
  } as const;
  const given = timestampedEnvelope === undefined ? {} : { timestampedEnvelope };
  const trustedRoot = parseTrustedRoot(sigstore.trustedRoot);
  return verifyBundle({ bundle, trustedRoot, artifactDigest: ARTIFACT, policy, transparency: 'off', ...given });
}

describe('a timestamp about the whole envelope', () => {
  test('counts where the envelope is given as it was stamped, and nowhere else', async () => {
    const { bundle, envelope } = await signStamped();
    expect(verify(bundle, envelope).transparency).toBe('timestamp-only');
    expect(() => verify(bundle)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }));
  });

  test('is not replaced by one about the signature', async () => {
    const { usual, envelope } = await signStamped();
    expect(verify(usual).transparency).toBe('timestamp-only');
    expect(() => verify(usual, envelope)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }));
  });

  test('of another bundle gives no time to this one', async () => {
    const [one, other] = [await signStamped(), await signStamped()];
    const lent = JSON.parse(one.bundle);
    lent.verificationMaterial.timestampVerificationData = JSON.parse(
      other.bundle,
    ).verificationMaterial.timestampVerificationData;
    // The stamped bytes are honest, and so is the stamp: only the signature in them is not the one that is verified.
    expect(() => verify(JSON.stringify(lent), other.envelope)).toThrow(
      expect.objectContaining({ code: 'TIMESTAMP_INVALID' }),
    );
  });

  test.each([
    ['one byte more', (envelope: Buffer) => Buffer.concat([envelope, Buffer.from(' ')])],
    ['no envelope', () => Buffer.from('{}')],
    ['nothing', () => Buffer.alloc(0)],
  ])('is held to its bytes: %s', async (_name, change) => {
    const { bundle, envelope } = await signStamped();
    expect(() => verify(bundle, change(envelope))).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }));
  });
});
