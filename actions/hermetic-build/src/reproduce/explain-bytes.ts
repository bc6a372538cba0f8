const CONTEXT = 24;
const MAX_TEXT = 4096;
const MAX_QUOTED = 120;
const ELF = 0x7f454c46;
const NOTE_NAME_BYTES = 4;
const NOTE_HEADER_BYTES = 12;
const BUILD_ID_TYPE = 3;
const GO_BUILD_ID = /\xff Go build ID: "([^"]{1,200})"/;
const CLOCK =
  /\b\d{4}-\d\d-\d\d\b|\b\d{1,2}:\d\d(?::\d\d)?\b|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2}\b|\b1[5-9]\d{8}(?:\d{3})?\b/;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const PATH = /(?:^|[^\w./])((?:\/[\w.@+-]+){2,}\/?|[A-Za-z]:\\[\w.\\-]+)/;

/** One line about two different files that are no archives: where they differ first, and what that looks like. */
export function explainBytes(a: Buffer, b: Buffer): string {
  const at = firstDifference(a, b);
  const sizes = a.length === b.length ? '' : `, sizes ${a.length} and ${b.length}`;
  const cause = causeOf(a, b, at);
  const quoted = `${around(a, at)} and ${around(b, at)}`;
  return `first different byte at ${at}${sizes}: ${quoted}${cause === undefined ? '' : `; ${cause}`}`;
}

function causeOf(a: Buffer, b: Buffer, at: number): string | undefined {
  return compiledCause(a, b) ?? sameLines(a, b) ?? textCause(textAround(a, at), textAround(b, at));
}

function compiledCause(a: Buffer, b: Buffer): string | undefined {
  if (isPyc(a) && isPyc(b) && a.readUInt32LE(8) !== b.readUInt32LE(8) && a.subarray(16).equals(b.subarray(16)))
    return 'it has the time of its source; compile with "--invalidation-mode checked-hash" or set SOURCE_DATE_EPOCH';
  const [goA, goB] = [a, b].map((bytes) => GO_BUILD_ID.exec(bytes.toString('latin1', 0, 64 * 1024))?.[1]);
  if (goA !== undefined && goB !== undefined && goA !== goB)
    return 'the build ids of Go differ, so its inputs do: build with "-trimpath", the same flags and toolchain';
  const [idA, idB] = [buildIdOf(a), buildIdOf(b)];
  if (idA === undefined || idB === undefined || idA.text === idB.text) return undefined;
  const same = (bytes: Buffer, id: BuildId) => Buffer.concat([bytes.subarray(0, id.start), bytes.subarray(id.end)]);
  return same(a, idA).equals(same(b, idB))
    ? 'the build id alone differs: link with "-Wl,--build-id=none" or "--build-id=sha1"'
    : undefined;
}

interface BuildId {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The note NT_GNU_BUILD_ID of an ELF file, found by its name; both byte orders are tried. */
function buildIdOf(bytes: Buffer): BuildId | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== ELF) return undefined;
  for (let at = bytes.indexOf('GNU\0'); at !== -1; at = bytes.indexOf('GNU\0', at + 1)) {
    const header = at - NOTE_HEADER_BYTES;
    if (header < 0) continue;
    for (const read of [bytes.readUInt32LE, bytes.readUInt32BE]) {
      const [names, size, type] = [0, 4, 8].map((offset) => read.call(bytes, header + offset));
      if (names !== NOTE_NAME_BYTES || type !== BUILD_ID_TYPE || size === undefined || size < 4 || size > 64) continue;
      const start = at + NOTE_NAME_BYTES;
      return { start, end: start + size, text: bytes.toString('hex', start, start + size) };
    }
  }
  return undefined;
}

/** Header of a compiled Python file (PEP 552): magic, flags, time, size; flags 0 say that the time counts. */
function isPyc(bytes: Buffer): boolean {
  return bytes.length > 16 && bytes.readUInt16LE(2) === 0x0a0d && bytes.readUInt32LE(4) === 0;
}

function sameLines(a: Buffer, b: Buffer): string | undefined {
  if (a.length !== b.length || a.includes(0) || !a.includes('\n')) return undefined;
  const sorted = (bytes: Buffer) => bytes.toString('latin1').split('\n').sort().join('\n');
  return sorted(a) === sorted(b)
    ? 'the same lines in another order: sort what is listed from folders or maps'
    : undefined;
}

/** The text that an inspector would print around the place, on both sides. */
function textCause(a: string, b: string): string | undefined {
  const [pathA, pathB] = [PATH.exec(a)?.[1], PATH.exec(b)?.[1]];
  if (pathA !== undefined && pathB !== undefined && pathA !== pathB)
    return `a path is embedded: ${quote(pathA)} and ${quote(pathB)}; use "-trimpath", "-ffile-prefix-map" or "--remap-path-prefix"`;
  if (UUID.test(a) && UUID.test(b)) return 'it looks like a random identifier: derive it from the content';
  return CLOCK.test(a) && CLOCK.test(b) ? 'it looks like a time: take it from SOURCE_DATE_EPOCH' : undefined;
}

function textAround(bytes: Buffer, at: number): string {
  const isText = (index: number) => {
    const byte = bytes[index];
    return byte !== undefined && byte >= 0x20 && byte < 0x7f;
  };
  let [start, end] = [at, at];
  while (at - start < MAX_TEXT && isText(start - 1)) start--;
  while (end - at < MAX_TEXT && isText(end)) end++;
  return bytes.toString('latin1', start, end);
}

function firstDifference(a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return length;
}

function around(bytes: Buffer, at: number): string {
  return quote(bytes.toString('latin1', Math.max(0, at - CONTEXT), at + CONTEXT));
}

function quote(text: string): string {
  return `"${plainText(text).slice(0, MAX_QUOTED)}"`;
}

/** Output of user code, so that nothing in it can be a command of the log. */
export function plainText(text: string): string {
  return text.replaceAll(/[^\x20-\x21\x23-\x7e]/g, '.').slice(0, 200);
}
