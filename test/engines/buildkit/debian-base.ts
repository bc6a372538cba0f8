import { chmod, copyFile, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '@paved/digest';
import { OCI_INDEX, OCI_MANIFEST } from '@paved/oci';
import { type Loopback, type RegistryDouble, startLoopback } from '@paved/testkit';
import { installDebian } from '../debian-package.js';
import { runOrThrow, runProgram } from '../program.js';

const PROGRAMS = [
  ...['apt-get', 'apt-mark', 'apt-config', 'apt-cache', 'dpkg', 'dpkg-deb', 'dpkg-query', 'dpkg-split', 'dash'],
  ...['rm', 'cp', 'mv', 'ls', 'cat', 'touch', 'tee', 'mkdir', 'rmdir', 'chmod', 'chown', 'ln', 'mktemp', 'stat'],
  ...['true', 'false', 'echo', 'env', 'id', 'sleep', 'grep', 'sed', 'tar', 'gzip', 'diff'],
].map((name) => `/usr/bin/${name}`);
const OTHERS = [
  ...['/usr/sbin/ldconfig', '/usr/sbin/start-stop-daemon', '/usr/lib/apt/apt-helper'],
  ...['http', 'store', 'file', 'copy', 'gpgv'].map((name) => `/usr/lib/apt/methods/${name}`),
];
const FOLDERS = [
  ...['info', 'updates', 'triggers', 'alternatives', 'parts'].map((name) => `/var/lib/dpkg/${name}`),
  ...['/var/lib/apt/lists/partial', '/var/cache/apt/archives/partial', '/var/log/apt', '/usr/lib64', '/tmp'],
  ...['/etc/apt/apt.conf.d', '/etc/apt/preferences.d', '/etc/apt/sources.list.d', '/etc/apt/trusted.gpg.d'],
];
/** What the package of the tests is in. */
const TEXT = '/usr/share/paved-demo/text';
const CONTROL = (name: string, version: string, architecture: string) => `Package: ${name}
Version: ${version}
Architecture: ${architecture}
Maintainer: Acme <acme@example.test>
Description: package of a test
`;

/** A repository of two packages: a newer one of what the base has, and the static shell that copa wants. */
export async function startMirror(folder: string, version: string): Promise<Loopback> {
  const files = new Map<string, Buffer>();
  const busybox = await installDebian('busybox-static', '/bin/busybox');
  const demo = await packDebian(folder, CONTROL('paved-demo', version, 'all'), { [TEXT]: Buffer.from(version) });
  const shell = await packDebian(folder, CONTROL('busybox-static', '1.36', 'amd64'), {
    '/bin/busybox': await readFile(busybox),
  });
  let list = '';
  for (const { control, path } of [demo, shell]) {
    const bytes = await readFile(path);
    files.set(`/debian/${basename(path)}`, bytes);
    const digest = sha256(bytes).slice('sha256:'.length);
    list += `${control}Filename: ./${basename(path)}\nSize: ${bytes.length}\nSHA256: ${digest}\n\n`;
  }
  files.set('/debian/Packages', Buffer.from(list));
  return await startLoopback({
    handle: async (_request, { pathname }) => {
      const body = files.get(pathname);
      return body === undefined ? { status: 404 } : { status: 200, body };
    },
  });
}

async function packDebian(
  folder: string,
  control: string,
  files: Readonly<Record<string, Buffer>>,
): Promise<{ readonly control: string; readonly path: string }> {
  const root = await mkdtemp(join(folder, 'package-'));
  await chmod(root, 0o755);
  for (const [name, bytes] of Object.entries({ '/DEBIAN/control': Buffer.from(control), ...files })) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), bytes);
    await chmod(join(root, name), name.startsWith('/bin') ? 0o755 : 0o644);
  }
  const path = `${root}.deb`;
  await runOrThrow('dpkg-deb', ['--root-owner-group', '--build', root, path]);
  return { control, path };
}

export interface DebianOptions {
  /** Hosts of its sources. */
  readonly mirrors: readonly string[];
  /** Further files, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A small Debian of this machine's own apt and dpkg, with version 1.0 of one package. The reference by digest. */
export async function publishDebian(
  registry: RegistryDouble,
  folder: string,
  { mirrors, files = {} }: DebianOptions,
): Promise<string> {
  const root = await mkdtemp(join(folder, 'debian-'));
  await chmod(root, 0o755);
  const place = (path: string) => join(root, path);
  for (const path of FOLDERS) await mkdir(place(path), { recursive: true });
  for (const path of [...PROGRAMS, ...OTHERS, ...(await librariesOf([...PROGRAMS, ...OTHERS]))]) {
    await mkdir(dirname(place(path)), { recursive: true });
    await copyFile(path, place(path));
  }
  // Where a test that puts a script in the place of apt-get finds it.
  await copyFile('/usr/bin/apt-get', place('/usr/lib/apt/apt-real'));
  for (const name of ['bin', 'sbin']) await symlink(`usr/${name}`, place(`/${name}`));
  await symlink('dash', place('/usr/bin/sh'));
  const texts: Readonly<Record<string, string>> = {
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    '/etc/group': 'root:x:0:\n',
    '/etc/os-release': 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n',
    '/etc/apt/apt.conf.d/01root': 'APT::Sandbox::User "root";\n',
    '/etc/apt/sources.list': mirrors.map((host) => `deb [trusted=yes] http://${host}/debian ./\n`).join(''),
    '/var/lib/dpkg/status': `${CONTROL('paved-demo', '1.0', 'all')}Status: install ok installed\n\n`,
    '/var/lib/dpkg/available': '',
    '/var/lib/dpkg/info/paved-demo.list': `/.\n/usr\n/usr/share\n/usr/share/paved-demo\n${TEXT}\n`,
    [TEXT]: '1.0',
    ...files,
  };
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(place(path)), { recursive: true });
    await writeFile(place(path), text);
    if (path.startsWith('/usr/bin/')) await chmod(place(path), 0o755);
  }
  for (const name of ['cputable', 'ostable', 'tupletable']) {
    await mkdir(place('/usr/share/dpkg'), { recursive: true });
    await copyFile(`/usr/share/dpkg/${name}`, place(`/usr/share/dpkg/${name}`));
  }
  const layer = `${root}.tar`;
  await runOrThrow('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', root, '-cf', layer, '.']);
  return publishLayer(registry, await readFile(layer));
}

/** By the paths that the loader looks at, so links to folders are no matter. */
async function librariesOf(programs: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const program of programs) {
    const { stdout } = await runProgram('ldd', [program]);
    for (const [, path = ''] of stdout.matchAll(/(\/\S+) \(0x[0-9a-f]+\)/g)) found.add(path);
  }
  return [...found];
}

/** As registries have it: a compressed layer, under an index that has another platform too. */
function publishLayer(registry: RegistryDouble, layer: Buffer): string {
  const stored = registry.store.repository('acme/debian');
  const blob = (mediaType: string, bytes: Buffer) => {
    const digest = sha256(bytes);
    stored.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifest = (mediaType: string, document: object) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
    const digest = sha256(bytes);
    const absent = { subject: undefined, artifactType: undefined, annotations: undefined };
    stored.manifests.set(digest, { digest, mediaType, bytes, ...absent });
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = ['amd64', 'arm64'].map((architecture) => {
    const created = '2026-01-01T00:00:00Z';
    const config = {
      ...{ os: 'linux', architecture, created },
      config: { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'A=b'], User: '10001:10001', Labels: { owner: 'acme' } },
      rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
      history: [{ created, created_by: 'acme' }],
    };
    const image = {
      config: blob('application/vnd.oci.image.config.v1+json', Buffer.from(JSON.stringify(config))),
      layers: [blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer, { level: 1 }))],
    };
    return { ...manifest(OCI_MANIFEST, image), platform: { os: 'linux', architecture } };
  });
  return `${new URL(registry.url).host}/acme/debian@${manifest(OCI_INDEX, { manifests }).digest}`;
}
