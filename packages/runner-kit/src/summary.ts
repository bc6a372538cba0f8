import { escapeMarkdown } from './markdown.js';

/** The service refuses a step's summary above 1 MiB. */
export const MAX_SUMMARY_BYTES = 1024 * 1024;
const NOTICE = '\n\n_The summary was cut here: it reached the limit of 1 MiB._\n';

/** The job summary. Every text is escaped: no Markdown, HTML, image or mention of others gets through. */
export interface Summary {
  heading(text: string, level?: 1 | 2 | 3 | 4): this;
  paragraph(text: string): this;
  table(head: readonly string[], rows: readonly (readonly string[])[]): this;
  /** A part that opens on a click. */
  details(title: string, body: (summary: Summary) => void): this;
}

/** Collects Markdown in memory; `text` is what may be written, cut between blocks with a notice. */
export class MarkdownSummary implements Summary {
  readonly #blocks: string[] = [];

  heading(text: string, level: 1 | 2 | 3 | 4 = 2): this {
    return this.#add(`${'#'.repeat(level)} ${escapeMarkdown(text)}`);
  }

  paragraph(text: string): this {
    return this.#add(escapeMarkdown(text));
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): this {
    const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
    // A row is a block of its own, so that a long table is cut between rows.
    this.#blocks.push(`\n${line(head)}\n${line(head.map(() => '')).replaceAll('|  ', '| --- ')}\n`);
    for (const row of rows) this.#blocks.push(`${line(head.map((_, index) => row[index] ?? ''))}\n`);
    return this;
  }

  details(title: string, body: (summary: Summary) => void): this {
    const inner = new MarkdownSummary();
    body(inner);
    // Cut inside as well, so that the closing tag always stands.
    const text = inner.text(MAX_SUMMARY_BYTES / 2);
    return this.#add(`<details><summary>${escapeMarkdown(title)}</summary>\n${text}\n</details>`);
  }

  text(maxBytes = MAX_SUMMARY_BYTES): string {
    const limit = maxBytes - Buffer.byteLength(NOTICE);
    let size = 0;
    const kept: string[] = [];
    for (const block of this.#blocks) {
      size += Buffer.byteLength(block);
      if (size > limit) return kept.join('') + NOTICE;
      kept.push(block);
    }
    return kept.join('');
  }

  #add(block: string): this {
    this.#blocks.push(`\n${block}\n`);
    return this;
  }
}
