import { describe, expect, test } from '@jest/globals';
import type { SignedBundle } from '@paved/sigstore';
import { legacySignature } from '../src/legacy-layers.js';

/** What ProtoJSON makes of an entry: a number that is zero is left out. */
function signedAt(logIndex: string | undefined, promise: boolean): SignedBundle {
  const entry = {
    ...(logIndex === undefined ? {} : { logIndex }),
    integratedTime: '1770000000',
    logId: { keyId: Buffer.from('log').toString('base64') },
    ...(promise ? { inclusionPromise: { signedEntryTimestamp: 'c2V0' } } : {}),
    canonicalizedBody: 'e30=',
  };
  const json = JSON.stringify({ verificationMaterial: { tlogEntries: [entry] } });
  return { json, signature: Buffer.from('s'), certificate: 'PEM' } as unknown as SignedBundle;
}

function logOf(signed: SignedBundle): { Payload: object } | undefined {
  const text = legacySignature(Buffer.from('{}'), signed).annotations['dev.sigstore.cosign/bundle'];
  return text === undefined ? undefined : JSON.parse(text);
}

describe('the log entry of a legacy signature', () => {
  test.each([
    ['the first of a log, whose index is not written', undefined, 0],
    ['a later one', '17', 17],
  ])('%s', (_name, written, index) => {
    expect(logOf(signedAt(written, true))?.Payload).toMatchObject({ logIndex: index, integratedTime: 1770000000 });
  });

  test('without a promise, the first of a log has no place in it and is no error', () => {
    expect(logOf(signedAt(undefined, false))).toBeUndefined();
  });
});
