import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type RegistryBehaviour, type RegistryDouble, startRegistry } from '../src/registry/index.js';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 };
const REPO = '/v2/org/app';
const HELLO = sha256('hello');

/** One registry, spoken to as the specification writes it. */
class Wire {
  readonly registry: RegistryDouble;

  constructor(registry: RegistryDouble) {
    this.registry = registry;
  }

  send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(path, this.registry.url), { method, headers, ...(body === undefined ? {} : { body }) });
  }

  async open(path = `${REPO}/blobs/uploads/`): Promise<string> {
    const opened = await this.send('POST', path);
    expect(opened.status).toBe(202);
    return opened.headers.get('location') ?? '';
  }

  async blob(text: string): Promise<string> {
    const location = await this.open();
    expect((await this.send('PUT', `${location}&digest=${sha256(text)}`, text)).status).toBe(201);
    return sha256(text);
  }

  async manifest(reference: string, body: string, type = IMAGE): Promise<Response> {
    return await this.send('PUT', `${REPO}/manifests/${reference}`, body, { 'content-type': type });
  }

  async image(reference = 'v1'): Promise<string> {
    await this.blob('{}');
    expect((await this.manifest(reference, image())).status).toBe(201);
    return sha256(image());
  }

  async referrers(subject: string, query = ''): Promise<{ digests: string[]; response: Response }> {
    const response = await this.send('GET', `${REPO}/referrers/${subject}${query}`);
    const { manifests } = (await response.json()) as { manifests: { digest: string }[] };
    return { digests: manifests.map(({ digest }) => digest), response };
  }
}

function image(subject?: string, members: Readonly<Record<string, unknown>> = {}): string {
  const about = subject === undefined ? {} : { subject: { mediaType: IMAGE, digest: subject, size: 1 } };
  return JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config: EMPTY, layers: [EMPTY], ...about, ...members });
}

async function codeOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  expect(typeof errors[0]?.message).toBe('string');
  return `${response.status} ${errors[0]?.code}`;
}

type Check = readonly [what: string, check: (wire: Wire) => Promise<void>, behaviour?: RegistryBehaviour];

/** distribution-spec 1.1.1, by section. */
const SECTIONS: Readonly<Record<string, readonly Check[]>> = {
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
  'Content Discovery: tags': [
    [
      'tags are listed in lexical order, in pages of n, after last',
      async (wire) => {
        await wire.image();
        for (const tag of ['b', 'a', 'B', '10', '9']) await wire.manifest(tag, image());
        const list = async (query: string) => {
          const response = await wire.send('GET', `${REPO}/tags/list${query}`);
          return {
            ...((await response.json()) as { name: string; tags: string[] }),
            link: response.headers.get('link'),
          };
        };
        expect(await list('')).toEqual({ name: 'org/app', tags: ['10', '9', 'B', 'a', 'b', 'v1'], link: null });
        const page = await list('?n=2');
        expect([page.tags, page.link]).toEqual([['10', '9'], '</v2/org/app/tags/list?n=2&last=9>; rel="next"']);
        expect((await list('?n=2&last=9')).tags).toEqual(['B', 'a']);
        expect((await list('?last=a')).tags).toEqual(['b', 'v1']);
        expect((await list('?n=0')).tags).toEqual([]);
      },
    ],
    [
      'an unknown repository is 404 NAME_UNKNOWN, a name outside the grammar 400 NAME_INVALID',
      async (wire) => {
        expect(await codeOf(await wire.send('GET', '/v2/org/none/tags/list'))).toBe('404 NAME_UNKNOWN');
        expect(await codeOf(await wire.send('GET', '/v2/Org/app/tags/list'))).toBe('400 NAME_INVALID');
        expect(await codeOf(await wire.send('GET', '/v2/org//app/tags/list'))).toBe('400 NAME_INVALID');
      },
    ],
  ],
  'Content Discovery: referrers': [
    [
      'no referrers is an empty index with status 200',
      async (wire) => {
        const { digests, response } = await wire.referrers(HELLO);
        expect([digests, response.status, response.headers.get('content-type')]).toEqual([[], 200, INDEX]);
      },
    ],
    [
      'descriptors have size, artifactType (or the config type) and all annotations',
      async (wire) => {
        await wire.blob('{}');
        const typed = image(HELLO, { artifactType: 'application/x-a', annotations: { k: 'v' } });
        await wire.manifest(sha256(typed), typed);
        await wire.manifest(sha256(image(HELLO)), image(HELLO));
        const list = await wire.send('GET', `${REPO}/referrers/${HELLO}`);
        expect(await list.json()).toEqual({
          schemaVersion: 2,
          mediaType: INDEX,
          manifests: [
            {
              mediaType: IMAGE,
              digest: sha256(typed),
              size: typed.length,
              artifactType: 'application/x-a',
              annotations: { k: 'v' },
            },
            {
              mediaType: IMAGE,
              digest: sha256(image(HELLO)),
              size: image(HELLO).length,
              artifactType: EMPTY.mediaType,
            },
          ],
        });
      },
    ],
    [
      'artifactType filters, and OCI-Filters-Applied says so; without a filter it is silent',
      async (wire) => {
        await wire.blob('{}');
        const typed = image(HELLO, { artifactType: 'application/x+a' });
        await wire.manifest(sha256(typed), typed);
        await wire.manifest(sha256(image(HELLO)), image(HELLO));
        const one = await wire.referrers(HELLO, `?artifactType=${encodeURIComponent('application/x+a')}`);
        expect([one.digests, one.response.headers.get('oci-filters-applied')]).toEqual([
          [sha256(typed)],
          'artifactType',
        ]);
        const all = await wire.referrers(HELLO);
        expect([all.digests.length, all.response.headers.get('oci-filters-applied')]).toEqual([2, null]);
      },
    ],
    [
      'pages are linked and keep the filter; together they name each referrer once',
      async (wire) => {
        await wire.blob('{}');
        const made = ['1', '2', '3', '4', '5'].map((a) =>
          image(HELLO, { artifactType: 'application/x', annotations: { a } }),
        );
        for (const text of [...made, image(HELLO)]) await wire.manifest(sha256(text), text);
        const seen: string[] = [];
        let next: string | undefined = `${REPO}/referrers/${HELLO}?artifactType=application/x`;
        let pages = 0;
        while (next !== undefined) {
          const page: Response = await wire.send('GET', next);
          const { manifests } = (await page.json()) as { manifests: { digest: string }[] };
          seen.push(...manifests.map(({ digest }) => digest));
          next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
          pages++;
        }
        expect([pages, seen]).toEqual([3, made.map((text) => sha256(text))]);
      },
      { referrersPerPage: 2 },
    ],
    [
      'what is no digest is 400 DIGEST_INVALID',
      async (wire) => expect(await codeOf(await wire.send('GET', `${REPO}/referrers/v1`))).toBe('400 DIGEST_INVALID'),
    ],
    [
      'a registry without the API answers 404 and no OCI-Subject',
      async (wire) => {
        await wire.blob('{}');
        expect((await wire.manifest(sha256(image(HELLO)), image(HELLO))).headers.get('oci-subject')).toBeNull();
        expect((await wire.send('GET', `${REPO}/referrers/${HELLO}`)).status).toBe(404);
      },
      { referrers: false },
    ],
  ],
  'Content Management': [
    [
      'DELETE of a tag leaves the manifest',
      async (wire) => {
        const digest = await wire.image();
        expect((await wire.send('DELETE', `${REPO}/manifests/v1`)).status).toBe(202);
        expect((await wire.send('GET', `${REPO}/manifests/v1`)).status).toBe(404);
        expect((await wire.send('GET', `${REPO}/manifests/${digest}`)).status).toBe(200);
      },
    ],
    [
      'DELETE of a manifest takes its tags and its place among the referrers',
      async (wire) => {
        const digest = await wire.image();
        expect((await wire.send('DELETE', `${REPO}/manifests/${digest}`)).status).toBe(202);
        const tags = (await (await wire.send('GET', `${REPO}/tags/list`)).json()) as { tags: string[] };
        expect(tags.tags).toEqual([]);
        const referrer = sha256(image(HELLO));
        await wire.manifest(referrer, image(HELLO));
        await wire.send('DELETE', `${REPO}/manifests/${referrer}`);
        expect((await wire.referrers(HELLO)).digests).toEqual([]);
        expect((await wire.send('DELETE', `${REPO}/manifests/${referrer}`)).status).toBe(404);
      },
    ],
    [
      'DELETE of a blob is 202, then 404',
      async (wire) => {
        await wire.blob('hello');
        expect((await wire.send('DELETE', `${REPO}/blobs/${HELLO}`)).status).toBe(202);
        expect((await wire.send('GET', `${REPO}/blobs/${HELLO}`)).status).toBe(404);
        expect((await wire.send('DELETE', `${REPO}/blobs/${HELLO}`)).status).toBe(404);
      },
    ],
  ],
  'Error Codes': [
    [
      'an answer of no is JSON with code and message',
      async (wire) => {
        const answer = await wire.send('GET', `${REPO}/blobs/nonsense`);
        expect(answer.headers.get('content-type')).toBe('application/json');
        expect(await codeOf(answer)).toBe('400 DIGEST_INVALID');
      },
    ],
    [
      'methods that a path does not have are 405 UNSUPPORTED',
      async (wire) => {
        await wire.image();
        for (const [method, path] of [
          ['PATCH', `${REPO}/manifests/v1`],
          ['PUT', `${REPO}/blobs/uploads/`],
          ['POST', `${REPO}/tags/list`],
          ['DELETE', `${REPO}/referrers/${HELLO}`],
        ] as const) {
          expect(await codeOf(await wire.send(method, path))).toBe('405 UNSUPPORTED');
        }
      },
    ],
    [
      'paths that the specification does not know are 404, and a broken escape is no crash',
      async (wire) => {
        for (const path of ['/', '/v1/', '/v2/_catalogue/x', '/v2/%zz/tags/list']) {
          expect((await wire.send('GET', path)).status).toBe(404);
        }
      },
    ],
  ],
};

let registry: RegistryDouble | undefined;

beforeEach(() => {
  registry = undefined;
});

afterEach(async () => {
  await registry?.close();
});

describe.each(Object.entries(SECTIONS))('distribution-spec 1.1.1, %s', (_section, checks) => {
  test.each(checks.map(([what, check, behaviour]) => ({ what, check, behaviour })))(
    '$what',
    async ({ check, behaviour }) => {
      registry = await startRegistry(behaviour ?? {});
      await check(new Wire(registry));
    },
  );
});

describe('the table is not blind', () => {
  test.each([
    ['Push: manifests with subject', 0, { acceptMissingSubject: false }],
    ['Push: manifests with subject', 0, { announceSubject: false }],
    ['Push: a blob monolithically', 1, { singlePost: false }],
    ['Content Discovery: referrers', 2, { appliesFilters: false }],
    ['Content Discovery: referrers', 0, { referrers: false }],
    ['Push: a blob in chunks', 0, { maxRangeBytes: 2 }],
    ['Push: manifests', 7, { immutableTags: true }],
  ] as const)('%s, row %i goes red on %j', async (section, row, behaviour) => {
    registry = await startRegistry(behaviour);
    const check = SECTIONS[section]?.[row]?.[1];
    await expect(check?.(new Wire(registry))).rejects.toThrow();
  });
});
