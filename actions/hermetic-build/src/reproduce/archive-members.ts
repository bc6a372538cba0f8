import { createHash } from 'node:crypto';
import { extract } from 'tar-stream';
import { type Entry, fromBuffer, type ZipFile } from 'yauzl';

/** What is known of one member of an archive. */
export interface Member {
  readonly name: string;
  readonly time: string;
  readonly mode: string;
  /** Equal for equal bytes. */
  readonly content: string;
  /** Fields of the header that have no name of their own here. */
  readonly rest: string;
  /** Absent for members that are too large to look into. */
  readonly bytes?: Buffer;
}

const MAX_MEMBER_BYTES = 64 * 1024 * 1024;
const AR_MAGIC = '!<arch>\n';
const AR_HEADER_BYTES = 60;

/** @throws when it is not whole */
export async function tarMembers(bytes: Buffer): Promise<readonly Member[]> {
  const members: Member[] = [];
  const entries = extract();
  entries.end(bytes);
  for await (const entry of entries) {
    const content = await contentOf(entry);
    const { name, mtime, mode, uid, gid, uname, gname } = entry.header;
    const owner = `${uid}:${gid} ${uname ?? ''}:${gname ?? ''}`;
    const modeText = `${(mode ?? 0).toString(8)} ${owner}`;
    members.push({
      name,
      time: timeText(mtime),
      mode: modeText,
      rest: JSON.stringify(entry.header.pax ?? {}),
      ...content,
    });
  }
  return members;
}

/** @throws when it is not whole */
export async function zipMembers(bytes: Buffer): Promise<readonly Member[]> {
  const zip = await open(bytes);
  const members: Member[] = [];
  for (let entry = await next(zip); entry !== undefined; entry = await next(zip)) {
    members.push({
      name: entry.fileName,
      time: timeText(entry.getLastModDate()),
      mode: (entry.externalFileAttributes >>> 16).toString(8),
      rest: `${entry.versionMadeBy} ${entry.generalPurposeBitFlag} ${entry.compressionMethod} ${entry.extraFields.map(({ id, data }) => `${id}=${data.toString('hex')}`).join(' ')}`,
      ...(await contentOf(await stream(zip, entry))),
    });
  }
  return members;
}

/** Static libraries and Debian packages: headers of text with time, owner and mode. */
export function arMembers(bytes: Buffer): readonly Member[] {
  const members: Member[] = [];
  let at = AR_MAGIC.length;
  while (at + AR_HEADER_BYTES <= bytes.length) {
    const header = bytes.toString('latin1', at, at + AR_HEADER_BYTES);
    const field = (from: number, to: number) => header.slice(from, to).trim();
    const size = Number(field(48, 58));
    if (!Number.isSafeInteger(size) || size < 0 || header.slice(58) !== '`\n') throw new Error('no ar archive');
    const content = bytes.subarray(at + AR_HEADER_BYTES, at + AR_HEADER_BYTES + size);
    members.push({
      name: field(0, 16),
      time: field(16, 28),
      mode: `${field(40, 48)} ${field(28, 34)}:${field(34, 40)}`,
      rest: '',
      content: createHash('sha256').update(content).digest('hex'),
      bytes: content,
    });
    at += AR_HEADER_BYTES + size + (size % 2);
  }
  return members;
}

export function isAr(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, AR_MAGIC.length) === AR_MAGIC;
}

async function contentOf(source: AsyncIterable<unknown>): Promise<Pick<Member, 'content' | 'bytes'>> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    const part = chunk as Buffer;
    hash.update(part);
    size += part.length;
    if (size <= MAX_MEMBER_BYTES) chunks.push(part);
  }
  const content = hash.digest('hex');
  return size <= MAX_MEMBER_BYTES ? { content, bytes: Buffer.concat(chunks) } : { content };
}

function open(bytes: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true }, (error, zip) => (error ? reject(error) : resolve(zip)));
  });
}

function next(zip: ZipFile): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    zip.removeAllListeners();
    zip
      .once('entry', resolve)
      .once('end', () => resolve(undefined))
      .once('error', reject);
    zip.readEntry();
  });
}

function stream(zip: ZipFile, entry: Entry): Promise<AsyncIterable<unknown>> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, content) => (error ? reject(error) : resolve(content)));
  });
}

function timeText(time: Date | undefined): string {
  return time === undefined || Number.isNaN(time.getTime()) ? 'none' : time.toISOString();
}
