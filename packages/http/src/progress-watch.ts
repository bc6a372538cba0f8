import type { ClientRequest, IncomingMessage } from 'node:http';

/** Slower than any line that a build runs on, also when eight transfers share it; a drip is slower. */
export const DEFAULT_MIN_BYTES_PER_SECOND = 4096;
/** In windows, for the head of an answer: silence alone ends after one. */
const MAX_WAITING_WINDOWS = 2;

/**
 * Ends a request whose other side moves, but slower than a least rate: an idle timeout begins anew with every byte. It looks once per
 * window. What waits for us (a body that nobody reads, a source that gives nothing to send) is never held against the other side.
 */
export class ProgressWatch {
  readonly #outgoing: ClientRequest;
  readonly #windowMs: number;
  readonly #minBytesPerSecond: number;
  readonly #timer: NodeJS.Timeout;
  #message: IncomingMessage | undefined;
  #received: number | undefined;
  #sent = 0;
  #stalledMs = 0;
  #waitingWindows = 0;

  /** @param onTooSlow called once; ends the answer, or the request where there is none yet */
  constructor(
    outgoing: ClientRequest,
    { windowMs, minBytesPerSecond }: { readonly windowMs: number; readonly minBytesPerSecond: number },
    onTooSlow: (message: IncomingMessage | undefined) => void,
  ) {
    this.#outgoing = outgoing;
    this.#windowMs = windowMs;
    this.#minBytesPerSecond = minBytesPerSecond;
    this.#timer = setInterval(() => {
      if (!this.#isTooSlow()) return;
      this.stop();
      onTooSlow(this.#message);
    }, windowMs);
    outgoing.once('close', () => this.stop());
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** From now on the body of the answer counts. */
  receive(message: IncomingMessage): void {
    this.#message = message;
    message.once('close', () => this.stop());
  }

  #isTooSlow(): boolean {
    if (this.#message !== undefined) return this.#receivesTooSlowly(this.#message);
    // In the queue for a connection, which is this client's own.
    if (this.#outgoing.socket === null) return false;
    return this.#outgoing.writableFinished ? ++this.#waitingWindows > MAX_WAITING_WINDOWS : this.#sendsTooSlowly();
  }

  #receivesTooSlowly(message: IncomingMessage): boolean {
    const before = this.#received;
    // Whole, and waits for who reads it: the connection may serve another request by now.
    if (message.complete) return false;
    this.#received = message.socket.bytesRead;
    if (before === undefined || message.readableLength > 0) return false;
    return this.#received - before < this.#leastBytes();
  }

  /** Bytes count when the write that they are part of ends, so that a large write is given the time that it may take. */
  #sendsTooSlowly(): boolean {
    const { socket, writableLength } = this.#outgoing;
    const pending = Math.max(writableLength, socket?.writableLength ?? 0);
    const sent = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
    const moved = sent - this.#sent;
    this.#sent = sent;
    this.#stalledMs = pending === 0 || moved >= this.#leastBytes() ? 0 : this.#stalledMs + this.#windowMs;
    return this.#stalledMs > this.#windowMs + (pending / this.#minBytesPerSecond) * 1000;
  }

  #leastBytes(): number {
    return (this.#windowMs / 1000) * this.#minBytesPerSecond;
  }
}
