import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

export interface TarEntry {
  readonly name: string;
  readonly text?: string;
  readonly mode?: number;
  readonly type?: NonNullable<Header['type']>;
  readonly linkname?: string;
}

/** A gzipped tar of exactly these entries, evil ones included. */
export async function tarball(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, text = '', mode = 0o644, type = 'file', linkname } of entries) {
    const header = { name, mode, type, mtime: new Date(0), ...(linkname === undefined ? {} : { linkname }) };
    archive.entry(header, type === 'file' ? text : '');
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

export interface PackageSpec {
  readonly name: string;
  readonly version: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Path in the package to text. */
  readonly files?: Readonly<Record<string, string>>;
  readonly extra?: readonly TarEntry[];
}

export interface PublishedPackage {
  readonly name: string;
  readonly version: string;
  readonly bytes: Buffer;
  readonly integrity: string;
  /** Path below the registry. */
  readonly path: string;
}

export async function publish(spec: PackageSpec): Promise<PublishedPackage> {
  const { name, version, manifest = {}, files = {}, extra = [] } = spec;
  const bytes = await tarball([
    { name: 'package/package.json', text: JSON.stringify({ name, version, license: 'MIT', ...manifest }) },
    ...Object.entries(files).map(([path, text]) => ({ name: `package/${path}`, text })),
    ...extra,
  ]);
  const path = `/${name}/-/${name.slice(name.lastIndexOf('/') + 1)}-${version}.tgz`;
  return { name, version, bytes, integrity: sri(bytes), path };
}

export function sri(bytes: Uint8Array, algorithm = 'sha512'): string {
  return `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`;
}

export interface Registry {
  readonly url: string;
  readonly requests: readonly string[];
  /** Serves other bytes at a path from now on. */
  replace(path: string, bytes: Buffer): void;
  close(): Promise<void>;
}

/** Serves archives as an npm registry does; only on loopback. */
export async function startNpmRegistry(packages: readonly PublishedPackage[]): Promise<Registry> {
  const archives = new Map(packages.map(({ path, bytes }) => [path, bytes]));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push(`${request.method} ${path}`);
    const bytes = archives.get(path);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    replace: (path, bytes) => archives.set(path, bytes),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
