/** One element of DER (X.690): definite lengths only. `raw` spans tag, length and content. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  readonly raw: Buffer;
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
} as const;

const MAX_LENGTH_BYTES = 4;
/** No structure that is read here has a hundred; two bytes are enough for one, and each takes hundreds in memory. */
const MAX_ELEMENTS = 1024;

/** @throws {RangeError} for indefinite, non-minimal or overlong lengths, bytes behind the last element, and more than 1,024 elements */
export function readElements(bytes: Buffer): readonly DerElement[] {
  const elements: DerElement[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const element = readElement(bytes, offset);
    if (elements.length === MAX_ELEMENTS) throw new RangeError(`more than ${MAX_ELEMENTS} DER elements`);
    elements.push(element);
    offset += element.raw.length;
  }
  return elements;
}

/** The children of a constructed element. */
export function childrenOf(element: DerElement): readonly DerElement[] {
  return readElements(element.content);
}

/** @throws {RangeError} when `bytes` are not exactly one element with `tag` */
export function readSingle(bytes: Buffer, tag: number): DerElement {
  const [element, ...rest] = readElements(bytes);
  if (element === undefined || rest.length > 0 || element.tag !== tag) {
    throw new RangeError(`not one DER element with tag ${tag}`);
  }
  return element;
}

/** Dotted form of an OBJECT IDENTIFIER's content. */
export function readOid(content: Buffer): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(value)) throw new RangeError('an object identifier is too long');
    if ((byte & 0x80) !== 0) continue;
    if (arcs.length === 0)
      arcs.push(Math.min(Math.floor(value / 40), 2), value - Math.min(Math.floor(value / 40), 2) * 40);
    else arcs.push(value);
    value = 0;
  }
  if (arcs.length === 0 || (content.at(-1) ?? 0x80) >= 0x80) throw new RangeError('an object identifier is cut off');
  return arcs.join('.');
}

/** Encodes one element; `content` is the concatenation of `parts`. */
export function encodeElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), encodeLength(content.length), content]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

function readElement(bytes: Buffer, start: number): DerElement {
  const tag = bytes[start];
  const first = bytes[start + 1];
  // Tags above 30 take more than one byte; no structure that is read here has one.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('DER is cut off');
  const { length, header } = first < 0x80 ? { length: first, header: 2 } : readLongLength(bytes, start, first & 0x7f);
  const end = start + header + length;
  if (end > bytes.length) throw new RangeError('DER is cut off');
  return { tag, content: bytes.subarray(start + header, end), raw: bytes.subarray(start, end) };
}

function readLongLength(bytes: Buffer, start: number, count: number): { length: number; header: number } {
  if (count === 0 || count > MAX_LENGTH_BYTES || start + 2 + count > bytes.length) {
    throw new RangeError('a DER length is not valid');
  }
  const length = bytes.readUIntBE(start + 2, count);
  if (length < 0x80 || bytes[start + 2] === 0) throw new RangeError('a DER length is not minimal');
  return { length, header: 2 + count };
}
