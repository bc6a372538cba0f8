import { type KeyObject, randomBytes } from 'node:crypto';
import { childrenOf, DER, encodeElement, readSingle } from '@paved/sigstore/der';

/**
 * ECDSA over P-256 for a digest that is already made: a log gets the digest and never the bytes, and node:crypto can only
 * verify bytes. For tests: neither fast nor constant in time.
 */
export function verifyPrehashed(publicKey: KeyObject, digest: Buffer, signature: Buffer): boolean {
  const { crv, x, y } = publicKey.export({ format: 'jwk' });
  if (crv !== 'P-256' || x === undefined || y === undefined) return false;
  const [r, s] = childrenOf(readSingle(signature, DER.sequence)).map(({ content }) => toBigInt(content));
  if (r === undefined || s === undefined || r <= 0n || s <= 0n || r >= N || s >= N) return false;
  const inverse = invert(s, N);
  const key: Point = [toBigInt(Buffer.from(x, 'base64url')), toBigInt(Buffer.from(y, 'base64url'))];
  const sum = add(multiply(G, mod(toBigInt(digest) * inverse, N)), multiply(key, mod(r * inverse, N)));
  return sum !== null && mod(sum[0], N) === r;
}

/** ECDSA over P-256 for a digest, DER: what a key service does, and node:crypto does not. For tests alone. */
export function signPrehashed(privateKey: KeyObject, digest: Buffer): Buffer {
  const d = toBigInt(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  const k = mod(toBigInt(randomBytes(40)), N - 1n) + 1n;
  const point = multiply(G, k);
  const r = mod(point?.[0] ?? 0n, N);
  const s = mod(invert(k, N) * (toBigInt(digest) + r * d), N);
  const integer = (value: bigint) => {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
    return encodeElement(DER.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
  };
  return encodeElement(DER.sequence, integer(r), integer(s));
}

type Point = readonly [bigint, bigint];

// FIPS 186-5 / SP 800-186, curve P-256.
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const A = P - 3n;
const G: Point = [
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
];

function toBigInt(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex') || '0'}`);
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function invert(value: bigint, modulus: bigint): bigint {
  let [a, b] = [mod(value, modulus), modulus];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return mod(x, modulus);
}

function add(left: Point | null, right: Point | null): Point | null {
  if (left === null) return right;
  if (right === null) return left;
  const [x1, y1] = left;
  const [x2, y2] = right;
  if (x1 === x2 && mod(y1 + y2, P) === 0n) return null;
  const slope = x1 === x2 ? (3n * x1 * x1 + A) * invert(2n * y1, P) : (y2 - y1) * invert(x2 - x1, P);
  const x = mod(slope * slope - x1 - x2, P);
  return [x, mod(slope * (x1 - x) - y1, P)];
}

function multiply(point: Point, scalar: bigint): Point | null {
  let result: Point | null = null;
  let power: Point | null = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = add(result, power);
    power = add(power, power);
  }
  return result;
}
