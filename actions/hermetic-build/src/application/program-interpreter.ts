/** The file at the start of which a program says who starts it. */
export const PROGRAM_HEAD_BYTES = 64 * 1024;

const PT_INTERP = 3;
const MAX_HEADERS = 128;

/**
 * Who starts a program: the loader of a dynamic ELF file, or what stands behind `#!`. Undefined for a static program, and for what
 * this reader cannot follow.
 * @param head the first {@link PROGRAM_HEAD_BYTES} of the file
 */
export function programInterpreter(
  head: Buffer,
): { readonly kind: 'loader' | 'script'; readonly path: string } | undefined {
  if (head.toString('latin1', 0, 2) === '#!') {
    const path = /^#![ \t]*([^ \t\r\n]+)/.exec(head.toString('utf8', 0, 512))?.[1];
    return path === undefined ? undefined : { kind: 'script', path };
  }
  const path = elfLoader(head);
  return path === undefined ? undefined : { kind: 'loader', path };
}

/** Little-endian ELF of 32 or 64 bits (System V ABI, "Program Header"): that is every platform of hosted runners. */
function elfLoader(head: Buffer): string | undefined {
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF' || head[5] !== 1) return undefined;
  const wide = head[4] === 2;
  const word = (at: number) =>
    at + 8 > head.length ? 0 : wide ? Number(head.readBigUInt64LE(at)) : head.readUInt32LE(at);
  const table = word(wide ? 0x20 : 0x1c);
  const size = head.readUInt16LE(wide ? 0x36 : 0x2a);
  const count = Math.min(head.readUInt16LE(wide ? 0x38 : 0x2c), MAX_HEADERS);
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    if (at + 56 > head.length) return undefined;
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const start = word(at + (wide ? 8 : 4));
    const length = word(at + (wide ? 32 : 16));
    if (length < 2 || length > 4096 || start + length > head.length) return undefined;
    return head.toString('utf8', start, start + length - 1);
  }
  return undefined;
}
