/** The job's secrets; every log line, annotation and summary passes `mask`, and no output that contains one leaves the job. */
export class Masker {
  readonly #values = new Set<string>();

  /** Registers each line of a secret, and its base64 form. */
  add(secret: string): void {
    for (const line of secret.split(/\r?\n/)) {
      if (line.trim() === '') continue;
      this.#values.add(line);
      this.#values.add(Buffer.from(line).toString('base64'));
    }
  }

  mask(text: string): string {
    // Longest first, so that a secret that contains another one leaves nothing behind.
    const values = [...this.#values].sort((a, b) => b.length - a.length);
    return values.reduce((masked, value) => masked.replaceAll(value, '***'), text);
  }

  contains(text: string): boolean {
    return this.mask(text) !== text;
  }
}
