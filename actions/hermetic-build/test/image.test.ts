import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openLayout, readBlob, readPlatform } from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type BuiltImage, buildImage } from '../src/image/build-image.js';
import { parseImageDescription, selectPlatforms } from '../src/image/description.js';
import { imageFindings, imageRulesSarif } from '../src/image/image-rules.js';
import { writeFiles } from './write-files.js';

let host: TestContext;
let count = 0;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  await writeFiles(join(host.temp, 'files'), {
    'amd64/app': 'amd64 program',
    'arm64/app': 'arm64 program',
    'data/a/b.txt': 'b',
  });
});
afterEach(async () => await host.dispose());

const DESCRIPTION = `
platforms:
  linux/amd64:
    files:
      - { from: amd64/app, to: /usr/local/app, mode: "0755" }
      - { from: data, to: /data }
  linux/arm64/v8:
    files:
      - { from: arm64/app, to: /usr/local/app, mode: "0755" }
user: "65532:65532"
env: { MODE: production }
workdir: /data
entrypoint: [/usr/local/app]
cmd: [--serve]
expose: ["8080"]
volume: [/data]
stop-signal: SIGTERM
labels: { org.opencontainers.image.title: app }
`;

async function build(
  text: string,
  sourceDateEpoch = 1_700_000_000,
  platforms?: readonly string[],
): Promise<BuiltImage & { readonly layoutPath: string }> {
  const layoutPath = join(host.temp, `layout-${++count}`);
  await mkdir(layoutPath);
  const options = { filesPath: join(host.temp, 'files'), sourcePath: host.workspace, layoutPath, sourceDateEpoch };
  return { ...(await buildImage(selectPlatforms(parseImageDescription(text), platforms), options)), layoutPath };
}

/** An image that stands for one from somewhere else: it has a shell, and runs as root. */
async function baseImage(user = ''): Promise<{ readonly digest: string; readonly path: string }> {
  await writeFiles(join(host.temp, 'files'), { 'base/sh': 'shell', 'base/apk': 'packages' });
  const base = await build(`
platforms:
  linux/amd64: { files: [{ from: base/sh, to: /bin/sh }, { from: base/apk, to: /sbin/apk }] }
env: { PATH: /usr/bin, MODE: base }
cmd: [/bin/sh]
${user}`);
  await rename(base.layoutPath, join(host.workspace, 'base'));
  return { digest: base.digest, path: 'base' };
}

describe('an image without a daemon', () => {
  test('is a layout of all platforms that the registry code reads, with every field', async () => {
    const built = await build(DESCRIPTION);
    const layout = await openLayout(built.layoutPath);
    expect(layout.root.digest).toBe(built.digest);
    const index = JSON.parse(Buffer.from(layout.root.bytes).toString());
    const platforms = index.manifests.map(({ platform }: { platform: unknown }) => platform);
    const [amd64, arm64] = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
    ];
    expect(platforms).toEqual([amd64, arm64]);
    expect(await readPlatform(layout, layout.manifests[1] as never)).toEqual(arm64);
    expect(built.images[0]?.config).toMatchObject({
      created: '2023-11-14T22:13:20Z',
      os: 'linux',
      architecture: 'amd64',
      config: {
        User: '65532:65532',
        Env: ['MODE=production'],
        WorkingDir: '/data',
        Entrypoint: ['/usr/local/app'],
        Cmd: ['--serve'],
        ExposedPorts: { '8080/tcp': {} },
        Volumes: { '/data': {} },
        StopSignal: 'SIGTERM',
        Labels: { 'org.opencontainers.image.title': 'app' },
      },
    });
    expect(built.images[0]?.paths).toEqual(['/data/a/b.txt', '/usr/local/app']);
  });

  test('of one platform is the image that the index of all names', async () => {
    const [all, own] = [await build(DESCRIPTION), await build(DESCRIPTION, undefined, ['linux/arm64/v8'])];
    expect(own.images.map(({ platform }) => platform)).toEqual(['linux/arm64/v8']);
    expect(own.digest).toBe(all.images[1]?.digest);
    await expect(build(DESCRIPTION, undefined, ['linux/arm64'])).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });

  test('is bit-identical when built twice, and another with another byte or time', async () => {
    const [first, second] = [await build(DESCRIPTION), await build(DESCRIPTION)];
    expect(second.digest).toBe(first.digest);
    expect(await readFile(join(second.layoutPath, 'index.json'), 'utf8')).toBe(
      await readFile(join(first.layoutPath, 'index.json'), 'utf8'),
    );
    expect((await build(DESCRIPTION, 1)).digest).not.toBe(first.digest);
    await writeFile(join(host.temp, 'files/arm64/app'), 'arm64 Program');
    expect((await build(DESCRIPTION)).digest).not.toBe(first.digest);
  });

  test('stands on a base by digest, keeps what that says, and refuses another digest or platform', async () => {
    const base = await baseImage();
    const text = (digest: string, platform: string) => `
platforms: { ${platform}: { files: [{ from: amd64/app, to: /app }] } }
base: { path: base, digest: "${digest}" }
env: { MODE: own }
entrypoint: [/app]
`;
    const built = await build(text(base.digest, 'linux/amd64'));
    const layout = await openLayout(built.layoutPath);
    expect(layout.root).toMatchObject({ kind: 'image', layers: [{}, {}] });
    const config = layout.root.kind === 'image' ? layout.root.config : undefined;
    const source = layout.blobs.find(({ descriptor }) => descriptor.digest === config?.digest);
    const document = JSON.parse((await readBlob(source as never, 10_000)).toString());
    expect(document.config).toEqual({ Env: ['PATH=/usr/bin', 'MODE=own'], Entrypoint: ['/app'] });
    expect(document.rootfs.diff_ids).toHaveLength(2);
    await expect(build(text(base.digest, 'linux/arm64'))).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
    await expect(build(text(`sha256:${'0'.repeat(64)}`, 'linux/amd64'))).rejects.toMatchObject({
      code: 'LAYOUT_INVALID',
    });
    await expect(build(text(base.digest, 'linux/amd64').replace('path: base', 'path: ../base'))).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
    });
  });

  test.each([
    ['an unknown field', 'platforms: { linux/amd64: { files: [] } }\nshell: [sh]'],
    ['no platform', 'platforms: {}'],
    ['a path that leads out', 'platforms: { linux/amd64: { files: [{ from: ../x, to: /x }] } }'],
    ['a relative target', 'platforms: { linux/amd64: { files: [{ from: x, to: x }] } }'],
    ['a whiteout', 'platforms: { linux/amd64: { files: [{ from: x, to: /etc/.wh.passwd }] } }'],
    ['a set-uid mode', 'platforms: { linux/amd64: { files: [{ from: x, to: /x, mode: "4755" }] } }'],
    ['a base by tag', 'platforms: { linux/amd64: { files: [] } }\nbase: { path: b, digest: latest }'],
    ['a variable that is none', 'platforms: { linux/amd64: { files: [] } }\nenv: { "A=B": c }'],
    ['no YAML', '['],
  ])('with %s is refused', (_name, text) => {
    expect(() => parseImageDescription(text)).toThrow();
  });

  test('is refused when the build left nothing for a file, a link, or two files for one place', async () => {
    const one = (files: string) => build(`platforms: { linux/amd64: { files: [${files}] } }`);
    await expect(one('{ from: nothing, to: /x }')).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
    await expect(one('{ from: amd64/app, to: /x }, { from: arm64/app, to: /x }')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
    });
    await expect(one('{ from: amd64/app, to: /x }, { from: arm64/app, to: /x/y }')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
    });
    await symlink('/etc/passwd', join(host.temp, 'files/link'));
    await expect(one('{ from: link, to: /x }')).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });
});

describe('image rules', () => {
  test('find root, a shell, a package manager and a base that is not on the list', async () => {
    const base = await baseImage();
    const text = `platforms: { linux/amd64: { files: [{ from: amd64/app, to: /app }] } }\nbase: { path: base, digest: "${base.digest}" }\n`;
    const built = await build(text);
    const findings = await imageFindings(await openLayout(built.layoutPath), [base.digest], []);
    const rules = ['image-base-unapproved', 'image-package-manager', 'image-root-user', 'image-shell'];
    expect(findings.map(({ rule }) => rule).sort()).toEqual(rules);
    expect(JSON.stringify(imageRulesSarif(findings))).toContain('it has /sbin/apk');
    const own = await build(`${text}user: "10001"\n`);
    expect(
      (await imageFindings(await openLayout(own.layoutPath), [base.digest], [base.digest]))
        .map(({ rule }) => rule)
        .sort(),
    ).toEqual(['image-package-manager', 'image-shell']);
  });

  test('find nothing in a small image with a user of its own, and root by number too', async () => {
    expect(await imageFindings(await openLayout((await build(DESCRIPTION)).layoutPath), [], undefined)).toEqual([]);
    const root = await build(DESCRIPTION.replace('"65532:65532"', '"0:0"'));
    expect((await imageFindings(await openLayout(root.layoutPath), [], undefined)).map(({ rule }) => rule)).toEqual([
      'image-root-user',
      'image-root-user',
    ]);
  });
});
