import { SEVERITIES } from '../severity.js';
import { blocks, type Reported, type ReportedFinding } from './reported.js';
import { oneLine, placeOf, plainReason } from './words.js';

/** GitHub refuses a comment above this many characters. */
export const COMMENT_LIMIT = 65_536;
const MAX_CELL = 120;
/** More rows than this nobody reads in a comment; the rest is behind the link. */
const MAX_ROWS = 50;

export interface CommentOptions {
  /** Makes hostile text show as itself: no markup, mention, image, link or HTML (`escapeMarkdown` of runner-kit). */
  readonly escapeText: (text: string) => string;
  /** Tells comments of several gates on one pull request apart; letters, digits and `-`. */
  readonly key: string;
  /** Where the whole report is; https, written by us. */
  readonly detailsUrl: string;
  readonly maxChars?: number;
}

/** First line of the comment: how it is found again, and replaced. */
export function commentMarker(key: string): string {
  return `<!-- paved-gate:${key.replaceAll(/[^A-Za-z0-9-]/g, '-').slice(0, 80)} -->`;
}

/**
 * The sticky comment: verdict, what blocks, what is not known, and a link to the rest. Never longer than the limit; rows that do not
 * fit are counted.
 */
export function buildComment(verdict: Reported, options: CommentOptions): string {
  const { escapeText, detailsUrl, maxChars = COMMENT_LIMIT } = options;
  const cell = (text: string) => escapeText(oneLine(text, MAX_CELL));
  const shown = verdict.findings.filter((finding) => blocks(finding) || isWarning(finding));
  const link = `[Everything that was found](${new URL(detailsUrl).href})`;
  const head = [commentMarker(options.key), title(verdict, cell), sentence(verdict), unchecked(verdict, cell)].filter(
    (part) => part !== '',
  );
  const tail = `\n\n${link}\n`;
  const table = ['| Package | Fixed in | Finding | Severity | Why |', '| --- | --- | --- | --- | --- |'];
  const rows = shown.slice(0, MAX_ROWS).map((finding) => row(finding, cell));
  const notice = (left: number) => (left === 0 ? '' : `\n\n${left} more that block or warn.`);
  for (let count = rows.length; count > 0; count--) {
    const body = [...table, ...rows.slice(0, count)].join('\n');
    const text = `${head.join('\n\n')}\n\n${body}${notice(shown.length - count)}${tail}`;
    if (text.length <= maxChars) return text;
  }
  const text = `${head.join('\n\n')}${notice(shown.length)}${tail}`;
  return text.length <= maxChars ? text : `${head.slice(0, 2).join('\n\n')}${tail}`;
}

function isWarning({ status, action }: ReportedFinding): boolean {
  return status === 'open' && (action === 'warn' || action === 'block');
}

function title({ verdict, subject }: Reported, cell: (text: string) => string): string {
  const what = subject === undefined ? '' : `: ${cell(subject.name)}`;
  return `### ${verdict === 'pass' ? '✅ Gate passed' : '⛔ Gate blocked'}${what}`;
}

function sentence({ counts }: Reported): string {
  const found = SEVERITIES.filter((severity) => (counts.bySeverity[severity] ?? 0) > 0)
    .map((severity) => `${counts.bySeverity[severity]} ${severity}`)
    .join(', ');
  const suppressed = counts.suppressed === 0 ? '' : `, ${counts.suppressed} suppressed`;
  return `${counts.components} components; ${found === '' ? 'nothing open' : found}${suppressed}; ${counts.blocking} blocking.`;
}

function unchecked({ unchecked: list }: Reported, cell: (text: string) => string): string {
  if (list.length === 0) return '';
  const names = list.slice(0, 20).map(({ ecosystem, packages }) => `${cell(ecosystem)} (${packages})`);
  return `**Not checked**, which is not clean: ${names.join(', ')}${list.length > 20 ? ` and ${list.length - 20} more` : ''}.`;
}

function row(finding: ReportedFinding, cell: (text: string) => string): string {
  const fix = finding.fixedIn.length === 0 ? 'no fix yet' : finding.fixedIn.slice(0, 3).join(', ');
  const cells = [placeOf(finding), fix, finding.id, finding.severity, plainReason(finding)];
  return `| ${cells.map(cell).join(' | ')} |`;
}
