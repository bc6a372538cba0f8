import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

const FOLDER = 'examples/advisories';

/** The feeds that the inspect job reads, as their providers serve them: a zip of OSV records per ecosystem, and KEV. */
export interface AdvisoryFeed {
  readonly url: string;
  /** `ecosystem=URL`, one per line. */
  readonly osv: string;
  readonly kev: string;
  /** Recorded time that the data was taken at, RFC 3339. */
  readonly asOf: string;
  /** Records of an ecosystem (name of the file to its text) and KEV entries that are published from now on, beside the recorded ones. */
  publish(ecosystem: string, records: Readonly<Record<string, string>>, kev: readonly object[]): Promise<void>;
  close(): Promise<void>;
}

export async function startAdvisoryFeed(): Promise<AdvisoryFeed> {
  const asOf = readFileSync(join(FOLDER, 'as-of.txt'), 'utf8').trim();
  const ecosystems = readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const files = new Map<string, Buffer>([['/kev.json', readFileSync(join(FOLDER, 'kev.json'))]]);
  for (const name of ecosystems) files.set(`/${name}/all.zip`, await zipOf(join(FOLDER, name), new Date(asOf)));

  const server = createServer((request, response) => {
    const body = files.get(request.url ?? '');
    if (body === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'content-length': body.length, 'last-modified': new Date(asOf).toUTCString() })
        .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    osv: ecosystems.map((name) => `${name}=${url}/${name}/all.zip`).join('\n'),
    kev: `${url}/kev.json`,
    asOf,
    publish: async (ecosystem, records, kev) => {
      files.set(`/${ecosystem}/all.zip`, await zipOf(join(FOLDER, ecosystem), new Date(asOf), records));
      const catalogue = JSON.parse(readFileSync(join(FOLDER, 'kev.json'), 'utf8'));
      const vulnerabilities = [...catalogue.vulnerabilities, ...kev];
      files.set(
        '/kev.json',
        Buffer.from(JSON.stringify({ ...catalogue, count: vulnerabilities.length, vulnerabilities })),
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function zipOf(folder: string, mtime: Date, more: Readonly<Record<string, string>> = {}): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(more)) zip.addBuffer(Buffer.from(text), name, { mtime });
  for (const name of readdirSync(folder).sort()) zip.addBuffer(readFileSync(join(folder, name)), name, { mtime });
  zip.end();
  return buffer(zip.outputStream);
}
