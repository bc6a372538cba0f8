import type { Metrics } from '@paved/gate/results';
import type { ActionContext } from '@paved/runner-kit';
import type { ArtifactState } from './artifacts.js';
import type { Outcome } from './receipt.js';

const BAR = 20;

export function summarise(
  { summary, log }: ActionContext,
  states: readonly ArtifactState[],
  { notifications, closed }: Outcome,
  metrics: Metrics,
): void {
  const most = Math.max(1, ...Object.values(metrics.open));
  const bars = Object.entries(metrics.open).map(([severity, count]) => [
    severity,
    String(count),
    '█'.repeat(Math.ceil((count / most) * BAR)),
  ]);
  summary.heading('Rescan').table(['Open', 'Findings', 'Chart'], bars);
  const times = [
    ['Mean hours to detect', String(metrics.meanTimeToDetectHours ?? 'not measured')],
    ['Mean hours to remediate', String(metrics.meanTimeToRemediateHours ?? 'not measured')],
    ['Debt ratio', String(metrics.debtRatio ?? 'not measured')],
    ['Coverage', String(metrics.coverage ?? 'not measured')],
  ];
  summary.table(['Measure', 'Value'], times);
  const rows = states.map(({ artifact, planned, records, news, nextVersion }) => [
    artifact,
    `${records.length} of ${planned.length}`,
    String(news.length),
    nextVersion ?? '',
  ]);
  summary.table(['Artifact', 'Releases checked', 'Findings for the owner', 'Next version that has the fixes'], rows);
  if (notifications.length > 0) {
    const told = notifications.map(({ id, releases, issue, kevDateAdded, notifiedAt, late }) => [
      id,
      releases.join(', '),
      String(issue),
      kevDateAdded ?? '',
      notifiedAt,
      late ? 'late' : 'in time',
    ]);
    summary.table(['Finding', 'Releases', 'Issue', 'In KEV since', 'Owner told', 'State'], told);
  }
  if (closed.length > 0) summary.paragraph(`Closed as gone: ${closed.map(({ issue }) => `issue ${issue}`).join(', ')}`);
  log.info(`${notifications.length} findings ask for the owner, ${closed.length} are gone`);
}
