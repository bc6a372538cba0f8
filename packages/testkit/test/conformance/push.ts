import { expect } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { codeOf, EMPTY, HELLO, IMAGE, INDEX, image, REPO, type Sections } from './wire.js';

/** "Push". */
export const PUSH: Sections = {
  'Push: a blob monolithically': [
    [
      'POST then PUT is 201 with Location, and the blob can be pulled there',
      async (wire) => {
        const location = await wire.open();
        const put = await wire.send('PUT', `${location}&digest=${HELLO}`, 'hello');
        expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, HELLO]);
        expect(await (await wire.send('GET', put.headers.get('location') ?? '')).text()).toBe('hello');
      },
    ],
    [
      'single POST is 201 with Location',
      async (wire) => {
        const post = await wire.send('POST', `${REPO}/blobs/uploads/?digest=${HELLO}`, 'hello');
        expect([post.status, post.headers.get('location')]).toEqual([201, `${REPO}/blobs/${HELLO}`]);
      },
    ],
    [
      'single POST may be 202, and PUT to its Location completes',
      async (wire) => {
        const location = await wire.open(`${REPO}/blobs/uploads/?digest=${HELLO}`);
        expect((await wire.send('PUT', `${location}&digest=${HELLO}`, 'hello')).status).toBe(201);
      },
      { singlePost: false },
    ],
    [
      'other bytes than the digest says are 400 DIGEST_INVALID and are not kept',
      async (wire) => {
        const put = await wire.send('PUT', `${await wire.open()}&digest=${HELLO}`, 'hellO');
        expect(await codeOf(put)).toBe('400 DIGEST_INVALID');
        const post = await wire.send('POST', `${REPO}/blobs/uploads/?digest=${HELLO}`, 'hellO');
        expect(await codeOf(post)).toBe('400 DIGEST_INVALID');
        expect((await wire.send('HEAD', `${REPO}/blobs/${HELLO}`)).status).toBe(404);
      },
    ],
    [
      'a session that was used up is 404 BLOB_UPLOAD_UNKNOWN',
      async (wire) => {
        const location = await wire.open();
        await wire.send('PUT', `${location}&digest=${HELLO}`, 'hello');
        expect(await codeOf(await wire.send('PUT', `${location}&digest=${HELLO}`, 'hello'))).toBe(
          '404 BLOB_UPLOAD_UNKNOWN',
        );
      },
    ],
    [
      'a Location whose query was dropped is 400 BLOB_UPLOAD_INVALID',
      async (wire) => {
        const location = (await wire.open()).replace(/\?.*$/, '');
        expect(await codeOf(await wire.send('PUT', `${location}?digest=${HELLO}`, 'hello'))).toBe(
          '400 BLOB_UPLOAD_INVALID',
        );
      },
    ],
  ],
  'Push: a blob in chunks': [
    [
      'each chunk is 202 with Location and Range, GET tells the state, PUT closes with or without a last chunk',
      async (wire) => {
        for (const last of ['', 'lo']) {
          const location = await wire.open();
          const first = await wire.send('PATCH', location, last === '' ? 'hello' : 'hel', {
            'content-range': last === '' ? '0-4' : '0-2',
          });
          expect([first.status, first.headers.get('range')]).toEqual([202, last === '' ? '0-4' : '0-2']);
          const state = await wire.send('GET', first.headers.get('location') ?? '');
          expect([state.status, state.headers.get('range')]).toEqual([204, first.headers.get('range')]);
          const range: Record<string, string> = last === '' ? {} : { 'content-range': '3-4' };
          expect((await wire.send('PUT', `${location}&digest=${HELLO}`, last, range)).status).toBe(201);
        }
      },
    ],
    [
      'out of order, overlapping, mislabelled or "bytes" ranges are 416, and the upload goes on',
      async (wire) => {
        const location = await wire.open();
        for (const range of ['1-3', '0-9', 'bytes 0-2', '0']) {
          expect((await wire.send('PATCH', location, 'hel', { 'content-range': range })).status).toBe(416);
        }
        expect((await wire.send('PATCH', location, 'hel', { 'content-range': '0-2' })).status).toBe(202);
        expect((await wire.send('PATCH', location, 'hel', { 'content-range': '0-2' })).status).toBe(416);
        const wrong = await wire.send('PUT', `${location}&digest=${HELLO}`, 'lo', { 'content-range': '2-3' });
        expect(wrong.status).toBe(416);
        expect((await wire.send('PUT', `${location}&digest=${HELLO}`, 'lo')).status).toBe(201);
      },
    ],
    [
      'OCI-Chunk-Min-Length is announced, and only the last chunk may be shorter',
      async (wire) => {
        const opened = await wire.send('POST', `${REPO}/blobs/uploads/`);
        expect(opened.headers.get('oci-chunk-min-length')).toBe('3');
        const location = opened.headers.get('location') ?? '';
        expect((await wire.send('PATCH', location, 'he', { 'content-range': '0-1' })).status).toBe(202);
        expect((await wire.send('PATCH', location, 'llo', { 'content-range': '2-4' })).status).toBe(416);
      },
      { minChunkBytes: 3 },
    ],
    [
      'DELETE cancels an upload',
      async (wire) => {
        const location = await wire.open();
        expect((await wire.send('DELETE', location)).status).toBe(204);
        expect(await codeOf(await wire.send('GET', location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      },
    ],
  ],
  'Push: mounting a blob': [
    [
      'a known blob is 201 with Location, an unknown one 202 with a session that works',
      async (wire) => {
        await wire.blob('hello');
        const mounted = await wire.send('POST', `/v2/org/two/blobs/uploads/?mount=${HELLO}&from=org/app`);
        expect([mounted.status, mounted.headers.get('location')]).toEqual([201, `/v2/org/two/blobs/${HELLO}`]);
        expect(await (await wire.send('GET', `/v2/org/two/blobs/${HELLO}`)).text()).toBe('hello');
        const other = await wire.open(`/v2/org/three/blobs/uploads/?mount=${sha256('x')}&from=org/none`);
        expect((await wire.send('PUT', `${other}&digest=${HELLO}`, 'hello')).status).toBe(201);
      },
    ],
  ],
  'Push: manifests': [
    [
      'PUT by tag and by digest is 201 with Location and digest',
      async (wire) => {
        await wire.blob('{}');
        for (const reference of ['v1', sha256(image())]) {
          const put = await wire.manifest(reference, image());
          expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, sha256(image())]);
          expect((await wire.send('GET', put.headers.get('location') ?? '')).status).toBe(200);
        }
      },
    ],
    [
      'bytes are kept as they came, whitespace and all',
      async (wire) => {
        await wire.blob('{}');
        const spaced = ` ${image()}\n`;
        await wire.manifest('v1', spaced);
        expect(await (await wire.send('GET', `${REPO}/manifests/v1`)).text()).toBe(spaced);
      },
    ],
    [
      'another digest than the bytes have is 400 DIGEST_INVALID',
      async (wire) => {
        await wire.blob('{}');
        expect(await codeOf(await wire.manifest(HELLO, image()))).toBe('400 DIGEST_INVALID');
      },
    ],
    [
      'missing blobs are 400 MANIFEST_BLOB_UNKNOWN, missing children 400 MANIFEST_UNKNOWN',
      async (wire) => {
        expect(await codeOf(await wire.manifest('v1', image()))).toBe('400 MANIFEST_BLOB_UNKNOWN');
        const index = JSON.stringify({
          schemaVersion: 2,
          mediaType: INDEX,
          manifests: [{ ...EMPTY, mediaType: IMAGE }],
        });
        expect(await codeOf(await wire.manifest('v1', index, INDEX))).toBe('400 MANIFEST_UNKNOWN');
      },
    ],
    [
      'what is no manifest, or another type than announced, is 400 MANIFEST_INVALID',
      async (wire) => {
        await wire.blob('{}');
        for (const body of ['x', '[]', 'null', '{}', image().replace(IMAGE, INDEX)]) {
          expect(await codeOf(await wire.manifest('v1', body))).toBe('400 MANIFEST_INVALID');
        }
      },
    ],
    [
      'a tag outside the grammar is 400',
      async (wire) => {
        await wire.blob('{}');
        for (const tag of ['.x', '-x', 'a'.repeat(129)]) expect((await wire.manifest(tag, image())).status).toBe(400);
      },
    ],
    [
      '4 MiB are accepted, more is 413',
      async (wire) => {
        await wire.blob('{}');
        const base = image(undefined, { annotations: { a: '' } });
        const full = (size: number) => image(undefined, { annotations: { a: 'x'.repeat(size - base.length) } });
        expect((await wire.manifest('v1', full(4 * 1024 * 1024))).status).toBe(201);
        expect((await wire.manifest('v1', full(4 * 1024 * 1024 + 1))).status).toBe(413);
      },
    ],
    [
      'a tag moves to the manifest that was put last',
      async (wire) => {
        await wire.image();
        const other = image(undefined, { annotations: { a: 'b' } });
        await wire.manifest('v1', other);
        expect(await (await wire.send('GET', `${REPO}/manifests/v1`)).text()).toBe(other);
      },
    ],
  ],
  'Push: manifests with subject': [
    [
      'a missing subject is accepted, and OCI-Subject is answered',
      async (wire) => {
        await wire.blob('{}');
        const put = await wire.manifest(sha256(image(HELLO)), image(HELLO));
        expect([put.status, put.headers.get('oci-subject')]).toEqual([201, HELLO]);
        expect((await wire.referrers(HELLO)).digests).toEqual([sha256(image(HELLO))]);
      },
    ],
    [
      'a manifest without subject gets no OCI-Subject',
      async (wire) => {
        await wire.blob('{}');
        expect((await wire.manifest('v1', image())).headers.get('oci-subject')).toBeNull();
      },
    ],
    [
      'an index may have a subject as well',
      async (wire) => {
        const index = JSON.stringify({
          schemaVersion: 2,
          mediaType: INDEX,
          artifactType: 'application/x-list',
          manifests: [],
          subject: { mediaType: IMAGE, digest: HELLO, size: 1 },
        });
        await wire.manifest(sha256(index), index, INDEX);
        const { response } = await wire.referrers(HELLO);
        expect(response.status).toBe(200);
      },
    ],
  ],
};
