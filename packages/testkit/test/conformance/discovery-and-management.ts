import { expect } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { codeOf, EMPTY, HELLO, IMAGE, INDEX, image, REPO, type Sections } from './wire.js';

/** "Content Discovery", "Content Management" and "Error Codes". */
export const DISCOVERY_AND_MANAGEMENT: Sections = {
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
