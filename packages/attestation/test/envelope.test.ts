import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { isEnvelopeLike, isStatementLike, MAX_STATEMENT_BYTES, pae, parseEnvelope } from '@paved/attestation';

describe('pae', () => {
  test('is the example of the DSSE specification', () => {
    expect(pae('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  test('counts bytes, not characters', () => {
    expect(pae('ü', Buffer.from('é')).toString()).toBe('DSSEv1 2 ü 2 é');
  });
});

describe('parseEnvelope', () => {
  const good = { payloadType: 'text/plain', payload: 'aGk=', signatures: [{ sig: 'AAAA', keyid: '' }] };

  test('decodes the payload', () => {
    expect(parseEnvelope(JSON.stringify(good)).payload.toString()).toBe('hi');
  });

  test('decodes as many bytes as a statement can have', () => {
    const payload = Buffer.alloc(MAX_STATEMENT_BYTES, 'a');
    const text = JSON.stringify({ ...good, payload: payload.toString('base64') });
    expect(parseEnvelope(text).payload.equals(payload)).toBe(true);
  });

  test.each([
    ['no signature', { ...good, signatures: [] }],
    ['base64 with foreign characters', { ...good, payload: 'aG\nk=' }],
    ['base64 without padding', { ...good, payload: 'aGk' }],
    ['base64url', { ...good, signatures: [{ sig: '-_-_' }] }],
    ['base64 of which only the padding is left', { ...good, payload: '====' }],
    ['base64 with padding inside', { ...good, payload: 'aG==aGk=' }],
    ['base64 with too much padding', { ...good, payload: 'a===' }],
    ['no payload', { ...good, payload: undefined }],
  ])('refuses: %s', (_name, value) => {
    expect(() => parseEnvelope(JSON.stringify(value))).toThrow(expect.objectContaining({ code: 'ENVELOPE_MALFORMED' }));
  });
});

describe('planted documents', () => {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x', predicate: {} };
  const bundle = JSON.parse(
    readFileSync(new URL('./fixtures/provenance/reusable-publish.sigstore.json', import.meta.url), 'utf8'),
  );

  test.each([
    ['a statement', statement],
    ['an old statement', { _type: 'https://in-toto.io/Statement/v0.1' }],
    ['a statement without its type', { subject: [], predicateType: 'x' }],
    ['a list of statements', [statement]],
    ['a wrapped statement', { attestations: [{ content: statement }] }],
  ])('is a statement: %s', (_name, value) => {
    expect(isStatementLike(value)).toBe(true);
  });

  test.each([
    ['a DSSE envelope', { payload: 'aGk=', payloadType: 'x', signatures: [] }],
    ['a bundle of Sigstore', bundle],
    ['a list of bundles', [bundle]],
    ['the answer of an attestation store', { attestations: [{ bundle }] }],
    ['a bundle with only its media type', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    ['a bundle of cosign before v3', { base64Signature: 'x', cert: 'y', rekorBundle: {} }],
  ])('is an envelope: %s', (_name, value) => {
    expect(isEnvelopeLike(value)).toBe(true);
  });

  test.each([
    ['null', null],
    ['a text', 'https://in-toto.io/Statement/v1'],
    ['a package.json', { name: 'app', version: '1.0.0', type: 'module', signatures: [] }],
    ['a tsconfig', { compilerOptions: { types: ['node'] } }],
    ['an event with a payload', { payload: { a: 1 } }],
  ])('is neither: %s', (_name, value) => {
    expect(isStatementLike(value) || isEnvelopeLike(value)).toBe(false);
  });
});
