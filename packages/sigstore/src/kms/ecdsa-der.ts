import { DER, encodeElement } from '../der.js';

/** Two integers side by side (IEEE P1363, as JOSE has them) as the DER sequence that Sigstore has. */
export function ecdsaToDer(signature: Buffer): Buffer {
  const half = signature.length / 2;
  return encodeElement(
    DER.sequence,
    encodeElement(DER.integer, unsigned(signature.subarray(0, half))),
    encodeElement(DER.integer, unsigned(signature.subarray(half))),
  );
}

function unsigned(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const bare = bytes.subarray(start);
  return (bare[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bare]) : bare;
}
