import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { describeError, errorChain } from '@paved/errors';
import { HttpClient } from '@paved/http';
import { type KmsDouble, type KmsFaults, type KmsService, startKms } from '@paved/testkit';
import { openKeySession, openKmsKey, parseTrustedRoot, verifyBundle } from '../src/index.js';
import { signAwsRequest } from '../src/kms/aws-signature.js';
import { awsEndpoint } from '../src/kms/open-kms-key.js';
import { startLoopbackSigstore } from './loopback.js';

const ARTIFACT = Buffer.from('the artifact');
const SERVICES: readonly KmsService[] = ['aws', 'gcp', 'azure', 'vault'];
const http = new HttpClient({ retry: { baseDelayMs: 1, maxDelayMs: 5 } });

let kms: KmsDouble | undefined;
afterEach(async () => {
  await kms?.close();
  kms = undefined;
  http.close();
});

function openKey({ url, uri, credentials }: KmsDouble) {
  return openKmsKey({ http, timeoutMs: 5000, uri, credentials, endpoint: url });
}

async function signOnce(double: KmsDouble): Promise<string> {
  const session = await openKeySession({ key: await openKey(double), http, transparency: 'off' });
  expect(session.publicKey).toBe(double.publicKey);
  return (await session.signBlob(ARTIFACT)).json;
}

describe.each(SERVICES)('a key in %s', (service) => {
  const kinds =
    service === 'aws' || service === 'azure' ? (['p256', 'rsa'] as const) : (['p256', 'rsa', 'ed25519'] as const);
  test.each(kinds)('%s: what it signs verifies under its public key', async (kind) => {
    kms = await startKms(service, kind);
    const bundle = await signOnce(kms);
    const loopback = await startLoopbackSigstore();
    const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
    const verified = verifyBundle({
      bundle,
      trustedRoot,
      artifactDigest: sha256(ARTIFACT),
      artifactBytes: ARTIFACT,
      policy: { publicKey: kms.publicKey },
      transparency: 'off',
    });
    expect(verified.transparency).toBe('none');
    await loopback.close();
  });

  test('a file that is larger than any message of the service is signed by its digest', async () => {
    kms = await startKms(service, 'rsa');
    const session = await openKeySession({ key: await openKey(kms), http, transparency: 'off' });
    await expect(session.signBlob(Buffer.alloc(100_000))).resolves.toMatchObject({ transparency: 'none' });
  });

  test.each<[string, Partial<KmsFaults>]>([
    ['KEY_DISABLED', { disabled: true }],
    ['KEY_DENIED', { denied: true }],
    ['KEY_NOT_FOUND', { missing: true }],
    ['KMS_ANSWER_INVALID', { lying: true }],
    ['KMS_UNAVAILABLE', { status: 503 }],
    ['KMS_ANSWER_INVALID', { status: 200 }],
  ])('%s when %j', async (code, faults) => {
    kms = await startKms(service, 'p256');
    Object.assign(kms.faults, faults);
    const error: unknown = await signOnce(kms).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    const text = `${describeError(error)}${errorChain(error).map((link) => (link instanceof Error ? link.stack : ''))}`;
    expect(text).not.toContain('-of-a-test');
  });

  test.each(
    kinds.flatMap((kind) => [
      [kind, 'KEY_DISABLED', { disabled: true }] as const,
      [kind, 'KEY_DENIED', { denied: true }] as const,
    ]),
  )('%s: %s', async (kind, code, faults) => {
    kms = await startKms(service, kind);
    Object.assign(kms.faults, faults);
    await expect(signOnce(kms)).rejects.toMatchObject({ code });
    // A key that was there when the session opened may be gone when it signs.
    Object.assign(kms.faults, { disabled: false, denied: false });
    const session = await openKeySession({ key: await openKey(kms), http, transparency: 'off' });
    Object.assign(kms.faults, faults);
    await expect(session.signBlob(ARTIFACT)).rejects.toMatchObject({ code });
  });

  test('KEY_ALGORITHM_MISMATCH for a key that is not for signing', async () => {
    kms = await startKms(service, 'encryption');
    await expect(signOnce(kms)).rejects.toMatchObject({ code: 'KEY_ALGORITHM_MISMATCH' });
  });
});

describe('the clock of a key in aws', () => {
  const MISMATCH =
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.';
  const EXPIRED =
    'Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z (20260101T002000Z - 5 min.)';
  const EARLY =
    'Signature not yet current: 20260101T002000Z is still later than 20260101T001500Z (20260101T001000Z + 5 min.)';
  const failing = async (faults: Partial<KmsFaults>) => {
    kms = await startKms('aws', 'p256');
    Object.assign(kms.faults, faults);
    return (await signOnce(kms).catch((reason: unknown) => reason)) as Error;
  };

  test.each([
    ['ahead', -1200],
    ['behind', 1200],
  ])('that is %s is said, and no denial', async (direction, offsetS) => {
    const error = await failing({ clockOffsetMs: offsetS * 1000 });
    expect(error).toMatchObject({ code: 'KMS_CLOCK_SKEWED', hint: expect.stringContaining('clock') });
    const seconds = Number(new RegExp(` (\\d+) seconds ${direction}`).exec(error.message)?.[1]);
    // How long the request took, and the header's full seconds.
    expect(Math.abs(seconds - 1200)).toBeLessThan(60);
  });

  test('that goes wrong while a session is open is said as well', async () => {
    kms = await startKms('aws', 'p256');
    const session = await openKeySession({ key: await openKey(kms), http, transparency: 'off' });
    kms.faults.clockOffsetMs = 3_600_000;
    await expect(session.signBlob(ARTIFACT)).rejects.toMatchObject({ code: 'KMS_CLOCK_SKEWED' });
  });

  test('that is right, with credentials that are denied, is no matter of the clock', async () => {
    expect(await failing({ denied: true, clockOffsetMs: 60_000 })).toMatchObject({ code: 'KEY_DENIED' });
  });

  test.each<[code: string, body: object]>([
    ['KMS_CLOCK_SKEWED', { __type: 'InvalidSignatureException', message: EXPIRED }],
    ['KMS_CLOCK_SKEWED', { __type: 'InvalidSignatureException', Message: EARLY }],
    ['KMS_CLOCK_SKEWED', { __type: 'com.amazon.coral.service#InvalidSignatureException', message: EARLY }],
    ['KMS_CLOCK_SKEWED', { __type: 'SignatureDoesNotMatch', message: EXPIRED }],
    ['KMS_CLOCK_SKEWED', { __type: 'RequestExpired' }],
    ['KMS_CLOCK_SKEWED', { __type: 'RequestInTheFuture', message: 7 }],
    ['KMS_CLOCK_SKEWED', { __type: 'RequestTimeTooSkewed', message: MISMATCH }],
    ['KEY_DENIED', { __type: 'InvalidSignatureException', message: MISMATCH }],
    ['KEY_DENIED', { __type: 'InvalidSignatureException', message: `${MISMATCH} ${EXPIRED}` }],
    ['KEY_DENIED', { __type: 'SignatureDoesNotMatch', message: { text: EXPIRED } }],
    ['KEY_DENIED', { __type: 'SignatureDoesNotMatch' }],
    ['KEY_DENIED', { __type: 'AccessDeniedException', message: EXPIRED }],
    ['KEY_DENIED', { __type: 'ExpiredTokenException', message: 'The security token in the request is expired' }],
    ['KMS_REFUSED', { __type: 'ThrottlingException', message: EXPIRED }],
  ])('%s for %j', async (code, body) => {
    const error = await failing({ reply: { status: 400, body } });
    expect(error).toMatchObject({ code });
    expect(error.message).not.toMatch(/20260101|NaN/);
  });

  test.each(['', 'yesterday', '\u00e9', 'Infinity'])('without a time to compare with (%j) names none', async (date) => {
    const error = await failing({ reply: { status: 400, body: { __type: 'RequestExpired' }, date } });
    expect(error).toMatchObject({ code: 'KMS_CLOCK_SKEWED' });
    expect(error.message).not.toMatch(/seconds|NaN/);
  });
});

describe('the name of a key', () => {
  test.each(['awskms:///alias', 'gcpkms://projects/p', 'azurekms://host', 'hashivault://', 'file:///etc/passwd', 'x'])(
    '"%s" is no key',
    async (uri) => {
      await expect(openKmsKey({ http, timeoutMs: 1, uri, credentials: '{}' })).rejects.toMatchObject({
        code: 'KEY_URI',
      });
    },
  );

  test('credentials that are not those of AWS are not quoted', async () => {
    const uri = 'awskms:///arn:aws:kms:eu-central-1:111122223333:key/1';
    const error: unknown = await openKmsKey({ http, timeoutMs: 1, uri, credentials: '{"secret-of-a-test' }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'KEY_CREDENTIALS' });
    expect(describeError(error)).not.toContain('secret-of-a-test');
  });
});

test.each([
  ['aws', 'eu-central-1', 'kms.eu-central-1.amazonaws.com'],
  ['aws-us-gov', 'us-gov-west-1', 'kms.us-gov-west-1.amazonaws.com'],
  ['aws-cn', 'cn-north-1', 'kms.cn-north-1.amazonaws.com.cn'],
])('a key of partition %s in %s is asked for at its own address', (partition, region, host) => {
  expect(awsEndpoint(partition, region).host).toBe(host);
});

test.each(['aws-iso', 'aws-eusc', 'constructor'])('of partition %s no address is guessed', (partition) => {
  expect(() => awsEndpoint(partition, 'x-1')).toThrow(expect.objectContaining({ code: 'KEY_URI' }));
});

test('an empty file is signed by its digest', async () => {
  kms = await startKms('aws', 'p256');
  const session = await openKeySession({ key: await openKey(kms), http, transparency: 'off' });
  await expect(session.signBlob(Buffer.alloc(0))).resolves.toMatchObject({ transparency: 'none' });
});

test.each([
  ['post-vanilla', undefined, 'host;x-amz-date', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  [
    'post-sts-header-before',
    'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==',
    'host;x-amz-date;x-amz-security-token',
    '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
  ],
])('Signature Version 4 gives the signature of AWS’s own vector %s', (_name, sessionToken, names, signature) => {
  const request = {
    ...{ url: new URL('https://example.amazonaws.com/'), region: 'us-east-1', service: 'service' },
    ...{ headers: {}, body: '', at: new Date('2015-08-30T12:36:00Z') },
  };
  const { authorization } = signAwsRequest(request, {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });
  expect(authorization).toContain(`SignedHeaders=${names}, Signature=${signature}`);
});

test('Signature Version 4 of a request as AWS describes it', () => {
  const request = {
    url: new URL('https://kms.us-east-1.amazonaws.com/'),
    region: 'us-east-1',
    service: 'kms',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Sign' },
    body: '{}',
    at: new Date('2015-08-30T12:36:00Z'),
  };
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const { authorization } = signAwsRequest(request, credentials);
  expect(authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\/kms\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
  );
  expect(signAwsRequest({ ...request, body: '{ }' }, credentials).authorization).not.toBe(authorization);
});
