const MIN_LINE = 4;

/** Remembers what must not be shown, in the forms that tools print it, and takes it out of text. */
export class Secrets {
  readonly #values = new Set<string>();
  readonly #announce: (value: string) => void;

  /** `announce` tells the runner; called once for each new form. */
  constructor(announce: (value: string) => void) {
    this.#announce = announce;
  }

  /** Registers the value, each of its lines of four characters or more (the runner masks per line), and encoded forms. */
  add(secret: string): void {
    const whole = secret.trim();
    if (whole === '') return;
    const lines = whole.split(/\r?\n/).map((line) => line.trim());
    const parts = lines.length === 1 ? lines : lines.filter((line) => line.length >= MIN_LINE);
    for (const part of parts) {
      for (const form of [part, encodeURIComponent(part.toWellFormed()), JSON.stringify(part).slice(1, -1)]) {
        this.#register(form);
      }
    }
    this.#register(Buffer.from(whole).toString('base64'));
  }

  /** Whether `text` shows a registered form. */
  isIn(text: string): boolean {
    for (const value of this.#values) if (text.includes(value)) return true;
    return false;
  }

  redact(text: string): string {
    let result = text;
    // Longest first, so that a secret which contains another one leaves no rest.
    for (const value of [...this.#values].sort((a, b) => b.length - a.length)) {
      result = result.replaceAll(value, '***');
    }
    return result;
  }

  #register(value: string): void {
    if (this.#values.has(value)) return;
    this.#values.add(value);
    this.#announce(value);
  }
}
