import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { arMembers, isAr, type Member, tarMembers, zipMembers } from './archive-members.js';
import { explainBytes, plainText } from './explain-bytes.js';

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;
const MAX_DEPTH = 4;
const TIME_FIELD = 4;
const FLAGS_FIELD = 3;
const HAS_NAME = 0x08;

/**
 * Says in one line why two builds of one file differ, by looking into gzip, tar, zip and ar, and at what compilers leave. The files are
 * output of user code: all of it that is quoted is cut and freed of control characters.
 */
export async function explainDifference(first: string, second: string): Promise<string> {
  const sizes = await Promise.all([stat(first), stat(second)]);
  if (sizes.some(({ size }) => size > MAX_BYTES))
    return `too large to look into (${sizes.map(({ size }) => size).join(' and ')} bytes)`;
  return await explain(await readFile(first), await readFile(second), 0);
}

async function explain(a: Buffer, b: Buffer, depth: number): Promise<string> {
  const inside = depth < MAX_DEPTH ? await explainArchive(a, b, depth).catch(() => undefined) : undefined;
  return inside ?? explainBytes(a, b);
}

async function explainArchive(a: Buffer, b: Buffer, depth: number): Promise<string | undefined> {
  if (isGzip(a) && isGzip(b)) return await explainGzip(a, b, depth);
  if (isZip(a) && isZip(b)) return await compareMembers('zip', await zipMembers(a), await zipMembers(b), depth);
  if (isTar(a) && isTar(b)) return await compareMembers('tar', await tarMembers(a), await tarMembers(b), depth);
  if (isAr(a) && isAr(b)) return await compareMembers('ar', arMembers(a), arMembers(b), depth);
  return undefined;
}

async function explainGzip(a: Buffer, b: Buffer, depth: number): Promise<string> {
  const unpack = (bytes: Buffer) => gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  const [x, y] = [unpack(a), unpack(b)];
  if (!x.equals(y)) return `in gzip: ${await explain(x, y, depth + 1)}`;
  const times = [a, b].map((bytes) => bytes.readUInt32LE(TIME_FIELD));
  if (times[0] !== times[1])
    return `the gzip header has the time of the build (${times.join(' and ')}); pack with "gzip -n"`;
  if (
    [a, b].some((bytes) => ((bytes[FLAGS_FIELD] ?? 0) & HAS_NAME) !== 0) &&
    !a.subarray(0, 64).equals(b.subarray(0, 64))
  )
    return 'the gzip header has the name of a file; pack with "gzip -n"';
  return 'the same content, packed by gzip in another way; use one version and level';
}

async function compareMembers(
  kind: string,
  a: readonly Member[],
  b: readonly Member[],
  depth: number,
): Promise<string | undefined> {
  const names = (members: readonly Member[]) => members.map(({ name }) => name);
  const other = new Map(b.map((member) => [member.name, member]));
  const known = new Set(names(a));
  const missing = names(a).find((name) => !other.has(name)) ?? names(b).find((name) => !known.has(name));
  if (missing !== undefined) return `in ${kind}: only one has "${plainText(missing)}"`;
  for (const member of a) {
    const twin = other.get(member.name);
    if (twin === undefined) continue;
    const why = await compareMember(member, twin, depth);
    if (why !== undefined) return `in ${kind}, "${plainText(member.name)}": ${why}`;
  }
  const order = names(a).findIndex((name, index) => name !== b[index]?.name);
  return order === -1
    ? undefined
    : `in ${kind}: the order differs from "${plainText(names(a)[order] ?? '')}" on; sort the names`;
}

async function compareMember(one: Member, other: Member, depth: number): Promise<string | undefined> {
  if (one.content !== other.content) {
    const readable = one.bytes !== undefined && other.bytes !== undefined;
    return `its content differs${readable ? `: ${await explain(one.bytes, other.bytes, depth + 1)}` : ''}`;
  }
  if (one.time !== other.time)
    return `its time is ${plainText(one.time)} and ${plainText(other.time)}; use SOURCE_DATE_EPOCH`;
  if (one.mode !== other.mode)
    return `its mode or owner is ${plainText(one.mode)} and ${plainText(other.mode)}; set umask and owner`;
  return one.rest === other.rest
    ? undefined
    : 'its extra fields (exact times, owner or way of packing) differ; pack with "zip -X" or one version of the packer';
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
