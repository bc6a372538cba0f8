import { SEVERITIES, type Severity } from '../severity.js';

/** One finding in one subject over time, as the runs saw it; `published` is when the world knew (KEV's day, the advisory's). */
export interface Observation {
  readonly identity: string;
  readonly subject: string;
  readonly severity: Severity;
  /** RFC 3339. */
  readonly published?: string;
  readonly firstSeen: string;
  /** Absent while it is open. */
  readonly gone?: string;
}

export interface Coverage {
  /** Subjects that are published, and those of them whose stored SBOM was verified and matched. */
  readonly published: number;
  readonly checked: number;
}

/** Times in hours, one decimal; absent where nothing was measured, which is not zero. */
export interface Metrics {
  readonly asOf: string;
  /** Mean from publication to our first sight. */
  readonly meanTimeToDetectHours?: number;
  /** Mean from our first sight to it being gone. */
  readonly meanTimeToRemediateHours?: number;
  /** Open findings over all that were ever seen, 0 to 1. */
  readonly debtRatio?: number;
  /** Checked over published, 0 to 1. */
  readonly coverage?: number;
  readonly open: Readonly<Record<Severity, number>>;
  readonly closed: number;
}

const HOUR_MS = 3_600_000;

function meanHours(spans: readonly (readonly [from: string, to: string])[]): number | undefined {
  const hours = spans
    .map(([from, to]) => (Date.parse(to) - Date.parse(from)) / HOUR_MS)
    .filter((span) => !Number.isNaN(span));
  if (hours.length === 0) return undefined;
  // Seen before it was published (a scanner was faster): detected at once, not in negative time.
  return Math.round((hours.reduce((sum, span) => sum + Math.max(0, span), 0) / hours.length) * 10) / 10;
}

function ratio(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : Math.round((part / whole) * 1000) / 1000;
}

export function measure(observations: readonly Observation[], coverage: Coverage, asOf: string): Metrics {
  const open = observations.filter(({ gone }) => gone === undefined);
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0])) as Record<Severity, number>;
  for (const { severity } of open) counts[severity]++;
  const fields = {
    meanTimeToDetectHours: meanHours(
      observations.flatMap(({ published, firstSeen }) =>
        published === undefined ? [] : [[published, firstSeen] as const],
      ),
    ),
    meanTimeToRemediateHours: meanHours(
      observations.flatMap(({ firstSeen, gone }) => (gone === undefined ? [] : [[firstSeen, gone] as const])),
    ),
    debtRatio: ratio(open.length, observations.length),
    coverage: ratio(coverage.checked, coverage.published),
  };
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { asOf, ...known, open: counts, closed: observations.length - open.length };
}

/** A mermaid bar chart of open findings; every word in it is ours. */
export function metricsChart({ open, asOf }: Metrics): string {
  const day = /^\d{4}-\d\d-\d\d/.exec(asOf)?.[0] ?? '';
  const values = SEVERITIES.map((severity) => open[severity]);
  return [
    '```mermaid',
    'xychart-beta',
    `  title "Open findings, ${day}"`,
    `  x-axis [${SEVERITIES.join(', ')}]`,
    `  y-axis "Findings" 0 --> ${Math.max(1, ...values)}`,
    `  bar [${values.join(', ')}]`,
    '```',
  ].join('\n');
}
