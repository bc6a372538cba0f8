import { expect } from '@jest/globals';
import { codeOf, HELLO, IMAGE, image, REPO, type Sections } from './wire.js';

/** "Determining Support" and "Pull". */
export const PULL: Sections = {
  'Determining Support': [
    ['GET /v2/ is 200', async (wire) => expect((await wire.send('GET', '/v2/')).status).toBe(200)],
  ],
  'Pull: manifests': [
    [
      'GET and HEAD by tag and by digest give the same bytes, type, length and digest',
      async (wire) => {
        const digest = await wire.image();
        for (const reference of ['v1', digest]) {
          const got = await wire.send('GET', `${REPO}/manifests/${reference}`);
          const head = await wire.send('HEAD', `${REPO}/manifests/${reference}`);
          expect(await got.text()).toBe(image());
          for (const { headers, status } of [got, head]) {
            expect([status, headers.get('content-type'), headers.get('docker-content-digest')]).toEqual([
              200,
              IMAGE,
              digest,
            ]);
            expect(headers.get('content-length')).toBe(String(image().length));
          }
        }
      },
    ],
    [
      'an unknown manifest is 404 MANIFEST_UNKNOWN',
      async (wire) =>
        expect(await codeOf(await wire.send('GET', `${REPO}/manifests/none`))).toBe('404 MANIFEST_UNKNOWN'),
    ],
  ],
  'Pull: blobs': [
    [
      'GET and HEAD give bytes, length and digest',
      async (wire) => {
        await wire.blob('hello');
        const got = await wire.send('GET', `${REPO}/blobs/${HELLO}`);
        expect([got.status, await got.text()]).toEqual([200, 'hello']);
        const head = await wire.send('HEAD', `${REPO}/blobs/${HELLO}`);
        expect([head.status, head.headers.get('content-length'), head.headers.get('docker-content-digest')]).toEqual([
          200,
          '5',
          HELLO,
        ]);
      },
    ],
    [
      'a range is 206 with that part, one past the end 416',
      async (wire) => {
        await wire.blob('hello');
        const part = await wire.send('GET', `${REPO}/blobs/${HELLO}`, undefined, { range: 'bytes=1-3' });
        expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([
          206,
          'ell',
          'bytes 1-3/5',
        ]);
        expect((await wire.send('GET', `${REPO}/blobs/${HELLO}`, undefined, { range: 'bytes=9-' })).status).toBe(416);
      },
    ],
    [
      'an unknown blob is 404 BLOB_UNKNOWN',
      async (wire) => expect(await codeOf(await wire.send('GET', `${REPO}/blobs/${HELLO}`))).toBe('404 BLOB_UNKNOWN'),
    ],
    [
      'a blob of another repository is not there',
      async (wire) => {
        await wire.blob('hello');
        expect((await wire.send('HEAD', `/v2/org/other/blobs/${HELLO}`)).status).toBe(404);
      },
    ],
  ],
};
