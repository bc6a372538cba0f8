import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { digestHex, parseDigest, sha256 } from '@paved/digest';
import { buildArtifactLayout, OCI_INDEX, OCI_MANIFEST, openLayout } from '../src/index.js';
import { layoutOf, scratch } from './scratch.js';

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), '../../../../shared/fixtures/oci-layouts');

describe('building', () => {
  test('equal files give an equal digest, whatever their order, and any other byte another', async () => {
    const first = await layoutOf({ 'b.txt': 'two', 'a.txt': 'one' });
    const second = await layoutOf({ 'a.txt': 'one', 'b.txt': 'two' });
    const other = await layoutOf({ 'a.txt': 'one', 'b.txt': 'twO' });
    expect(first.root.digest).toBe(second.root.digest);
    expect(other.root.digest).not.toBe(first.root.digest);
    expect(JSON.parse(first.root.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: 'application/vnd.test.files',
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        size: 2,
      },
      layers: [
        {
          mediaType: 'application/octet-stream',
          digest: sha256('one'),
          size: 3,
          annotations: { 'org.opencontainers.image.title': 'a.txt' },
        },
        {
          mediaType: 'application/octet-stream',
          digest: sha256('two'),
          size: 3,
          annotations: { 'org.opencontainers.image.title': 'b.txt' },
        },
      ],
    });
  });

  test.each(['../a', '/a', 'a/../b', './a', 'a//b', 'a\\b', 'C:a', 'a\nb', ''])('name %j is refused', async (name) => {
    const folder = await scratch();
    await writeFile(join(folder, 'f'), 'x');
    await expect(
      buildArtifactLayout([{ name, path: join(folder, 'f') }], { artifactType: 'a/b' }, await scratch()),
    ).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('no file, a repeated name, a link and a folder are refused', async () => {
    const folder = await scratch();
    await writeFile(join(folder, 'f'), 'x');
    await symlink(join(folder, 'f'), join(folder, 'link'));
    const file = (path: string) => ({ name: 'a', path: join(folder, path) });
    for (const files of [[], [file('f'), file('f')], [file('link')], [file('.')]]) {
      await expect(buildArtifactLayout(files, { artifactType: 'a/b' }, await scratch())).rejects.toMatchObject({
        code: 'LAYOUT_INVALID',
      });
    }
  });
});

async function copyOf(contents: Readonly<Record<string, string>>) {
  const layout = await layoutOf(contents);
  const path = await scratch();
  await cp(layout.path, path, { recursive: true });
  return { path, layout, blob: (text: string) => join(path, 'blobs/sha256', digestHex(sha256(text))) };
}

describe('what is wrong is found before anything is sent', () => {
  test('a copy is opened (control)', async () => {
    const { path, layout } = await copyOf({ a: 'one' });
    expect((await openLayout(path)).root.digest).toBe(layout.root.digest);
  });

  test('one changed byte of a blob', async () => {
    const { path, blob } = await copyOf({ a: 'one' });
    await writeFile(blob('one'), 'onE');
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_MISMATCH' });
  });

  test('a shorter and a longer blob', async () => {
    for (const text of ['on', 'one!']) {
      const { path, blob } = await copyOf({ a: 'one' });
      await writeFile(blob('one'), text);
      await expect(openLayout(path)).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_MISMATCH' });
    }
  });

  test('a changed manifest', async () => {
    const { path, layout } = await copyOf({ a: 'one' });
    const name = join(path, 'blobs/sha256', digestHex(layout.root.digest));
    await writeFile(name, (await readFile(name, 'utf8')).replace('"a"', '"b"'));
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_MISMATCH' });
  });

  test.each<[string, (path: string, blob: string) => Promise<unknown>]>([
    ['a missing blob', (_path, blob) => rm(blob)],
    [
      'a blob that is a link',
      async (_path, blob) => {
        await rename(blob, `${blob}.real`);
        await symlink(`${blob}.real`, blob);
      },
    ],
    [
      'a blob that is a folder',
      async (_path, blob) => {
        await rm(blob);
        await mkdir(blob);
      },
    ],
    [
      'blobs that are a link',
      async (path) => {
        await rename(join(path, 'blobs'), join(path, 'real'));
        await symlink(join(path, 'real'), join(path, 'blobs'));
      },
    ],
    [
      'sha256 that is a link',
      async (path) => {
        await rename(join(path, 'blobs/sha256'), join(path, 'real'));
        await symlink(join(path, 'real'), join(path, 'blobs/sha256'));
      },
    ],
    [
      'an index that is a link',
      async (path) => {
        await rename(join(path, 'index.json'), join(path, 'real'));
        await symlink(join(path, 'real'), join(path, 'index.json'));
      },
    ],
    ['no oci-layout', (path) => rm(join(path, 'oci-layout'))],
    ['another version', (path) => writeFile(join(path, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}')],
  ])('%s', async (_name, spoil) => {
    const { path, blob } = await copyOf({ a: 'one' });
    await spoil(path, blob('one'));
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('a digest that is a path is refused by the decoder', async () => {
    const { path } = await copyOf({ a: 'one' });
    const entry = { mediaType: OCI_MANIFEST, digest: 'sha256:../../../../etc/passwd', size: 1 };
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
    await writeFile(join(path, 'index.json'), JSON.stringify(index));
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });
});

interface Expected {
  readonly layouts: Readonly<Record<string, ExpectedLayout>>;
}
interface ExpectedLayout {
  readonly form: string;
  readonly manifests?: readonly { readonly digest: string; readonly mediaType: string; readonly ref?: string }[];
}

describe('layouts of other tools', () => {
  const present = existsSync(join(FIXTURES, 'expected.json'));
  const run = present ? test : test.skip;

  async function expected(name: string): Promise<ExpectedLayout> {
    const document = JSON.parse(await readFile(join(FIXTURES, 'expected.json'), 'utf8')) as Expected;
    return document.layouts[name] ?? { form: 'missing' };
  }

  run('every manifest of the regclient repository opens, also the one that refers to itself by tag', async () => {
    const { manifests = [] } = await expected('regclient-testrepo');
    expect(manifests.length).toBeGreaterThan(20);
    for (const { digest } of manifests) {
      const layout = await openLayout(join(FIXTURES, 'regclient-testrepo'), { digest: parseDigest(digest) });
      expect(layout.root.digest).toBe(digest);
      expect(layout.manifests.at(-1)).toBe(layout.root);
    }
  });

  run('an index of several manifests wants a choice', async () => {
    await expect(openLayout(join(FIXTURES, 'regclient-testrepo'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  run.each([
    ['ggcr-test_index_one_image', undefined],
    ['trivy-test.oci', undefined],
    ['trivy-test_bad_index_json.oci', 'MANIFEST_INVALID'],
    ['trivy-test_no_valid_manifests.oci', 'MANIFEST_INVALID'],
  ])('%s: %s', async (name, code) => {
    const opening = openLayout(join(FIXTURES, name));
    if (code !== undefined) return expect(opening).rejects.toMatchObject({ code });
    const first = (await expected(name)).manifests?.[0]?.digest;
    return expect((await opening).root.digest).toBe(first);
  });

  run('ggcr-test_index: manifests open, an entry of another kind is named', async () => {
    const path = join(FIXTURES, 'ggcr-test_index');
    const outcomes: Record<string, string> = {};
    for (const { digest, mediaType } of (await expected('ggcr-test_index')).manifests ?? []) {
      outcomes[mediaType] = await openLayout(path, { digest: parseDigest(digest) }).then(
        () => 'opened',
        (error) => String(error.code),
      );
    }
    expect(outcomes).toMatchSnapshot();
  });

  run('the image index of slsa-generic-container is chosen by its digest', async () => {
    const path = join(FIXTURES, 'slsa-generic-container-v2.1.0');
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    for (const { digest } of (await expected('slsa-generic-container-v2.1.0')).manifests ?? []) {
      expect((await openLayout(path, { digest: parseDigest(digest) })).root.digest).toBe(digest);
    }
  });
});
