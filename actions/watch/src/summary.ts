import type { ActionContext } from '@paved/runner-kit';
import type { Findings } from './findings.js';

const MAX_ROWS = 100;

export function summarise({ summary, log }: ActionContext, document: Findings, behind: number): void {
  const { progress, findings, alarms } = document;
  const rows = progress.map(({ log: name, from, next, size, forged, unreadable }) => [
    name,
    `${from} to ${next}`,
    String(size - next),
    String(forged),
    String(unreadable),
  ]);
  summary
    .heading('Watch')
    .table(['Log', 'Entries read', 'Left for the next run', 'Forged names', 'Not readable'], rows);
  const unexplained = findings.filter(({ explained }) => !explained);
  summary.paragraph(`${findings.length} entries under our names, ${unexplained.length} of them without a known run`);
  if (unexplained.length > 0) {
    const shown = unexplained.slice(0, MAX_ROWS);
    const told = shown.map(({ logIndex, identity, reasons, issue }) => [
      String(logIndex),
      identity ?? '',
      reasons.join('; '),
      String(issue ?? ''),
    ]);
    summary.table(['Log index', 'Identity', 'Not explained', 'Issue'], told);
  }
  if (alarms.length > 0) {
    const told = alarms.map((alarm) => [alarm.log, alarm.code, alarm.message, String(alarm.issue ?? '')]);
    summary.table(['Log', 'Code', 'Detail', 'Issue'], told);
  }
  log.info(`${findings.length} entries under our names, ${unexplained.length} not explained`);
  if (behind > 0) log.warning(`${behind} entries are left for the next run: run it more often, or raise its limits`);
}
