import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { describeError } from '@paved/errors';
import { type Fault, startLoopback } from '@paved/testkit';
import { listReferrers, pushContent } from '../src/index.js';
import { blobOf, clientOf, closeAll, closing, start } from './client-bench.js';
import { layoutOf } from './scratch.js';

afterEach(closeAll);

describe('a hostile registry', () => {
  /** Another host that must never see a credential. */
  async function stranger() {
    const other = await startLoopback({ handle: async () => ({ status: 200, body: '{"token":"x"}' }) });
    closing.push(other.close);
    return other;
  }

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'https://169.254.169.254/token',
    'https://[::1]/token',
    'https://[::ffff:169.254.169.254]/token',
    'https://10.0.0.1/token',
    'https://localhost/token',
    'https://evil.example/token',
    'http://evil.example/token',
    'ftp://evil.example/token',
    'https://user:pw@evil.example/token',
    'not a url',
    '',
  ])('realm %j is refused before a request', async (realm) => {
    const registry = await start({ auth: 'bearer', realm });
    await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(registry.requests.length).toBe(1);
  });

  test('a realm on another host gets the credentials only when that host is named', async () => {
    const issuer = await start({ auth: 'bearer' });
    const registry = await start({ auth: 'bearer', realm: `${issuer.url}/token` });
    await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(issuer.requests).toEqual([]);
    const named = clientOf(registry, { tokenHosts: [issuer.host] });
    await expect(named.pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    expect(issuer.requests.length).toBe(1);
  });

  test.each([301, 302, 303, 307, 308])('a %s to another host never carries the credentials', async (status) => {
    const other = await stranger();
    const redirect: Fault = { kind: 'status', status, headers: { location: `${other.url}/steal` } };
    for (const method of ['HEAD', 'POST', 'PUT', 'GET']) {
      const registry = await start({
        auth: 'basic',
        onRequest: (request) => (request.method === method ? redirect : undefined),
      });
      await expect(
        pushContent({ repository: clientOf(registry), layout: await layoutOf({ a: '1' }), referrers: [] }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/^(REGISTRY_NOT_ALLOWED|DIGEST_MISMATCH)$/) });
    }
    expect(JSON.stringify(other.requests)).not.toContain('Basic');
    expect(other.requests).toEqual([]);
  });

  test('an upload Location on another private host is refused', async () => {
    const other = await stranger();
    const location = `${other.url}/upload?digest=x`;
    const fault: Fault = { kind: 'reply', reply: { status: 202, headers: { location } } };
    const registry = await start({ onRequest: ({ method }) => (method === 'POST' ? fault : undefined) });
    await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(other.requests).toEqual([]);
  });

  test.each([undefined, 'http://', 'ftp://h/x', 'https://u:p@127.0.0.1/x', 'http://169.254.169.254/x'])(
    'upload Location %j is refused',
    async (location) => {
      const headers = location === undefined ? {} : { location };
      const fault: Fault = { kind: 'reply', reply: { status: 202, headers } };
      const registry = await start({ onRequest: ({ method }) => (method === 'POST' ? fault : undefined) });
      await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({
        code: expect.stringMatching(/^(REGISTRY_NOT_ALLOWED|UPLOAD_INCOMPLETE)$/),
      });
    },
  );

  test('a next page of referrers on another host is refused', async () => {
    const other = await stranger();
    const index = 'application/vnd.oci.image.index.v1+json';
    const registry = await start({
      onRequest: () => ({
        kind: 'reply',
        reply: {
          status: 200,
          headers: { 'content-type': index, link: `<${other.url}/next>; rel="next"` },
          body: JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [] }),
        },
      }),
    });
    await expect(listReferrers(clientOf(registry), sha256('x'))).rejects.toMatchObject({
      code: 'REGISTRY_NOT_ALLOWED',
    });
    expect(other.requests).toEqual([]);
  });

  test('a manifest with both shapes, of another type or with other bytes is refused', async () => {
    const layout = await layoutOf({ a: '1' });
    const digest = layout.root.digest;
    const mediaType = layout.root.mediaType;
    const both = JSON.stringify({ ...JSON.parse(layout.root.bytes.toString()), manifests: [] });
    const answers: [string, string, string][] = [
      [both, mediaType, 'MANIFEST_AMBIGUOUS'],
      [layout.root.bytes.toString(), 'application/vnd.oci.image.index.v1+json', 'MANIFEST_AMBIGUOUS'],
      [layout.root.bytes.toString(), 'text/html', 'MANIFEST_INVALID'],
      [`${layout.root.bytes} `, mediaType, 'DIGEST_MISMATCH'],
    ];
    for (const [body, type, code] of answers) {
      const registry = await start({
        onRequest: () => ({ kind: 'reply', reply: { status: 200, headers: { 'content-type': type }, body } }),
      });
      const error: unknown = await clientOf(registry)
        .pullManifest(digest)
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code });
      // Whoever named the registry need not be able to read what it answers.
      expect(describeError(error)).not.toContain(sha256(body).slice(7, 23));
    }
  });
});
