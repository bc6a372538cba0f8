interface Waiting {
  readonly size: number;
  start(): void;
}

/** Runs at most `limit` tasks and about `maxSize` of what they hold at a time, in the order in which they came. */
export class Limiter {
  #running = 0;
  #size = 0;
  readonly #limit: number;
  readonly #maxSize: number;
  readonly #waiting: Waiting[] = [];

  constructor(limit: number, maxSize = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    this.#maxSize = maxSize;
  }

  /** A task that is larger than everything allowed runs alone. */
  async run<T>(size: number, task: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.#waiting.push({ size, start });
      this.#startNext();
    });
    try {
      return await task();
    } finally {
      this.#running -= 1;
      this.#size -= size;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#running += 1;
      this.#size += next.size;
      next.start();
    }
  }

  #fits(size: number): boolean {
    if (this.#running === 0) return true;
    return this.#running < this.#limit && this.#size + size <= this.#maxSize;
  }
}
