import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { fromBuffer } from 'yauzl';

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;
const MAX_DEPTH = 4;
const CONTEXT = 24;
const TIME_FIELD = 4;

/** What is known of one member of an archive. */
interface Member {
  readonly name: string;
  readonly time: string;
  readonly mode: string;
  readonly content: string;
}

/**
 * Says in one line why two builds of one file differ, by looking into gzip, tar and zip. The files are output of user code: all of
 * it that is quoted is cut and freed of control characters.
 */
export async function explainDifference(first: string, second: string): Promise<string> {
  const sizes = await Promise.all([stat(first), stat(second)]);
  if (sizes.some(({ size }) => size > MAX_BYTES))
    return `too large to look into (${sizes.map(({ size }) => size).join(' and ')} bytes)`;
  return await explain(await readFile(first), await readFile(second), 0);
}

async function explain(a: Buffer, b: Buffer, depth: number): Promise<string> {
  if (depth < MAX_DEPTH) {
    const inside = await explainArchive(a, b, depth).catch(() => undefined);
    if (inside !== undefined) return inside;
  }
  const at = firstDifference(a, b);
  const sizes = a.length === b.length ? '' : `, sizes ${a.length} and ${b.length}`;
  return `first different byte at ${at}${sizes}: ${around(a, at)} and ${around(b, at)}`;
}

async function explainArchive(a: Buffer, b: Buffer, depth: number): Promise<string | undefined> {
  if (isGzip(a) && isGzip(b)) {
    const [x, y] = [a, b].map((bytes) => gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })) as [
      Buffer,
      Buffer,
    ];
    if (!x.equals(y)) return `in gzip: ${await explain(x, y, depth + 1)}`;
    const times = [a, b].map((bytes) => bytes.readUInt32LE(TIME_FIELD));
    if (times[0] !== times[1])
      return `the gzip header has the time of the build (${times.join(' and ')}); pack with "gzip -n"`;
    return 'the same content, packed by gzip in another way; use one version and level';
  }
  if (isZip(a) && isZip(b)) return compareMembers('zip', await zipMembers(a), await zipMembers(b));
  if (isTar(a) && isTar(b)) return compareMembers('tar', await tarMembers(a), await tarMembers(b));
  return undefined;
}

function compareMembers(kind: string, a: readonly Member[], b: readonly Member[]): string | undefined {
  const names = (members: readonly Member[]) => members.map(({ name }) => name);
  const other = new Map(b.map((member) => [member.name, member]));
  const missing = names(a).find((name) => !other.has(name)) ?? names(b).find((name) => !names(a).includes(name));
  if (missing !== undefined) return `in ${kind}: only one has "${plain(missing)}"`;
  for (const member of a) {
    const twin = other.get(member.name);
    if (twin === undefined) continue;
    const label = `in ${kind}, "${plain(member.name)}"`;
    if (member.content !== twin.content) return `${label}: its content differs`;
    if (member.time !== twin.time)
      return `${label}: its time is ${member.time} and ${twin.time}; use SOURCE_DATE_EPOCH`;
    if (member.mode !== twin.mode)
      return `${label}: its mode or owner is ${member.mode} and ${twin.mode}; set umask and owner`;
  }
  const order = names(a).findIndex((name, index) => name !== b[index]?.name);
  return order === -1
    ? undefined
    : `in ${kind}: the order differs from "${plain(names(a)[order] ?? '')}" on; sort the names`;
}

async function tarMembers(bytes: Buffer): Promise<readonly Member[]> {
  const members: Member[] = [];
  const entries = extract();
  entries.end(bytes);
  for await (const entry of entries) {
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk as Buffer);
    const { name, mtime, mode, uid, gid, uname, gname } = entry.header;
    const owner = `${uid}:${gid} ${uname ?? ''}:${gname ?? ''}`;
    members.push({
      name,
      time: timeText(mtime),
      mode: `${(mode ?? 0).toString(8)} ${owner}`,
      content: hash.digest('hex'),
    });
  }
  return members;
}

function zipMembers(bytes: Buffer): Promise<readonly Member[]> {
  return new Promise((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: false }, (error, zip) => {
      if (error) return reject(error);
      const members: Member[] = [];
      zip.on('entry', (entry) => {
        members.push({
          name: entry.fileName,
          time: timeText(entry.getLastModDate()),
          mode: (entry.externalFileAttributes >>> 16).toString(8),
          content: `${entry.crc32} ${entry.uncompressedSize}`,
        });
      });
      zip.on('error', reject);
      zip.on('end', () => resolve(members));
    });
  });
}

function timeText(time: Date | undefined): string {
  return time === undefined || Number.isNaN(time.getTime()) ? 'none' : time.toISOString();
}

function isGzip(bytes: Buffer): boolean {
  return bytes.length > 18 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function isZip(bytes: Buffer): boolean {
  return bytes.length > 22 && bytes.readUInt32LE(0) === 0x04034b50;
}

function isTar(bytes: Buffer): boolean {
  return bytes.length >= 512 && bytes.toString('latin1', 257, 262) === 'ustar';
}

function firstDifference(a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return length;
}

function around(bytes: Buffer, at: number): string {
  return `"${plain(bytes.toString('latin1', Math.max(0, at - CONTEXT), at + CONTEXT))}"`;
}

function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x21\x23-\x7e]/g, '.').slice(0, 200);
}
