import { timingSafeEqual } from 'node:crypto';

const KEY_BYTES = 32;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;
/** "expand 32-byte k" as little-endian words (Salsa20 specification, section 8). */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

/**
 * Opens a box of NaCl's crypto_secretbox (XSalsa20-Poly1305), which node:crypto does not have; `undefined` when the tag is wrong.
 * Not constant in time beside the comparison of tags: for key files that are opened on this machine, never as a service.
 * @throws {RangeError} for a key or nonce of another length
 */
export function openSecretbox(key: Buffer, nonce: Buffer, box: Buffer): Buffer | undefined {
  if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES) throw new RangeError('key or nonce has another length');
  if (box.length < TAG_BYTES) return undefined;
  const [tag, cipher] = [box.subarray(0, TAG_BYTES), box.subarray(TAG_BYTES)];
  const subkey = hsalsa20(key, nonce.subarray(0, 16));
  const stream = salsa20(subkey, nonce.subarray(16), KEY_BYTES + cipher.length);
  if (!timingSafeEqual(tag, poly1305(stream.subarray(0, KEY_BYTES), cipher))) return undefined;
  return Buffer.from(cipher.map((byte, index) => byte ^ (stream[KEY_BYTES + index] ?? 0)));
}

function hsalsa20(key: Buffer, input: Buffer): Buffer {
  const words = rounds(initialState(key, input));
  const out = Buffer.alloc(KEY_BYTES);
  for (const [position, index] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) {
    out.writeUInt32LE(words[index] ?? 0, position * 4);
  }
  return out;
}

function salsa20(key: Buffer, nonce: Buffer, length: number): Buffer {
  const out = Buffer.alloc(Math.ceil(length / 64) * 64);
  for (let block = 0; block * 64 < length; block++) {
    const counter = Buffer.alloc(8);
    counter.writeUInt32LE(block, 0);
    const state = initialState(key, Buffer.concat([nonce, counter]));
    const mixed = rounds(state);
    for (let index = 0; index < 16; index++) {
      out.writeUInt32LE(((mixed[index] ?? 0) + (state[index] ?? 0)) >>> 0, block * 64 + index * 4);
    }
  }
  return out.subarray(0, length);
}

function initialState(key: Buffer, input: Buffer): Uint32Array {
  const word = (bytes: Buffer, index: number) => bytes.readUInt32LE(index * 4);
  const [s0, s1, s2, s3] = SIGMA;
  const k = (index: number) => word(key, index);
  const n = (index: number) => word(input, index);
  return Uint32Array.from([s0, k(0), k(1), k(2), k(3), s1, n(0), n(1), n(2), n(3), s2, k(4), k(5), k(6), k(7), s3]);
}

const QUARTERS: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
];

function rounds(state: Uint32Array): Uint32Array {
  const x = Uint32Array.from(state);
  const mix = (target: number, left: number, right: number, bits: number) => {
    const sum = ((x[left] ?? 0) + (x[right] ?? 0)) >>> 0;
    x[target] = (x[target] ?? 0) ^ ((sum << bits) | (sum >>> (32 - bits)));
  };
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of QUARTERS) {
      mix(b, a, d, 7);
      mix(c, b, a, 9);
      mix(d, c, b, 13);
      mix(a, d, c, 18);
    }
  }
  return x;
}

const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

function poly1305(key: Buffer, message: Buffer): Buffer {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP;
  const s = littleEndian(key.subarray(16));
  let sum = 0n;
  for (let start = 0; start < message.length; start += 16) {
    const block = message.subarray(start, start + 16);
    sum = ((sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * r) % PRIME;
  }
  const tag = (sum + s) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}

function littleEndian(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}
