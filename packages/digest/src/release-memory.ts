/**
 * Gives the memory of bytes that nobody reads any more back at once; the collector, which sees a small object in front of it, would let
 * it lie. Bytes that share their memory with others are left alone. Whoever reads `bytes` later finds them empty.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0) buffer.transfer(0);
}
