import type { MirrorDownload } from '@paved/attestation';

export interface MirrorRefusal {
  /** `host:port`, or what was asked for in its place. */
  readonly target: string;
  readonly reason: string;
}

/** What a patch did on the network. */
export interface MirrorTraffic {
  /** `host:port` of each that answered, sorted. */
  readonly reached: readonly string[];
  readonly downloads: readonly MirrorDownload[];
  readonly refused: readonly MirrorRefusal[];
}

const MAX_DOWNLOADS = 20_000;
const MAX_REFUSALS = 100;
const MAX_TEXT = 500;

/** Bounded, because an image decides how much it asks for. */
export class MirrorLog {
  readonly #reached = new Set<string>();
  readonly #downloads = new Map<string, MirrorDownload>();
  readonly #refused = new Map<string, MirrorRefusal>();

  get full(): boolean {
    return this.#downloads.size >= MAX_DOWNLOADS;
  }

  reach(target: string): void {
    this.#reached.add(target);
  }

  download(download: MirrorDownload): void {
    const entry = { ...download, url: printable(download.url) };
    if (!this.full) this.#downloads.set(`${entry.url} ${entry.sha256}`, entry);
  }

  refuse(target: string, reason: string): void {
    const entry = { target: printable(target), reason };
    if (this.#refused.size < MAX_REFUSALS) this.#refused.set(`${entry.target} ${reason}`, entry);
  }

  traffic(): MirrorTraffic {
    return {
      reached: [...this.#reached].sort(),
      downloads: [...this.#downloads.values()].sort((a, b) => (a.url < b.url ? -1 : 1)),
      refused: [...this.#refused.values()].sort((a, b) => (a.target < b.target ? -1 : 1)),
    };
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, MAX_TEXT);
}
