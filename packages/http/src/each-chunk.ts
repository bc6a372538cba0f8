import type { Readable } from 'node:stream';

/**
 * Calls `take` with every chunk of a stream; for what is small, where an iterator of it would take longer than the bytes. The stream is
 * destroyed when `take` throws, and that error is the result; one that closes before its end is an error too.
 */
export function eachChunk(stream: Readable, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream.readableEnded) return resolve();
    const brokenOff = () => reject(new Error('the stream closed before its end'));
    if (stream.destroyed) return brokenOff();
    stream.on('data', (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        reject(error);
        stream.destroy();
      }
    });
    stream.once('end', resolve).once('error', reject).once('close', brokenOff);
  });
}
