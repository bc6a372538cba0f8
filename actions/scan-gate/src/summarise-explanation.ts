import type { Explanation, FixAdvice } from '@paved/gate';
import type { ActionContext } from '@paved/runner-kit';

const MAX_ROWS = 50;

/** The smallest upgrades that clear the gate, and the direct dependency that has to bring them. */
export function summariseAdvice(advice: readonly FixAdvice[], { summary }: ActionContext): void {
  if (advice.length === 0) return;
  const rows = advice
    .slice(0, MAX_ROWS)
    .map(({ package: purl, from, to, through, clears, withoutFix }) => [
      purl,
      from.join(', '),
      to ?? 'no version clears it',
      through.length === 0 ? '' : through.join(', '),
      clears.join(' '),
      withoutFix.join(' '),
    ]);
  summary.details(`What clears the gate (${advice.length})`, (inner) =>
    inner.table(['Package', 'Version', 'Smallest upgrade', 'Brought by', 'Clears', 'Without fix'], rows),
  );
}

/** Every rule and source that decided about one id. */
export function summariseExplanation(explanation: Explanation, { summary, log }: ActionContext): void {
  const { id, listed, findings } = explanation;
  const kev = listed.kev === 'not checked' ? 'KEV was not checked' : listed.kev ? 'it is in KEV' : 'it is not in KEV';
  const epss = typeof listed.epss === 'number' ? `EPSS ${listed.epss}` : `EPSS: ${listed.epss}`;
  const head = findings.length === 0 ? `No finding has ${id}` : `${id} is in ${findings.length} findings`;
  summary.heading(`Why: ${id}`, 3).paragraph(`${head}; ${kev}; ${epss}.`);
  log.untrusted(`${head}; ${kev}; ${epss}`);
  for (const { finding, steps, exceptions, vex } of findings.slice(0, MAX_ROWS)) {
    const place = finding.package?.purl ?? finding.locations[0]?.path ?? '';
    const sources = finding.sources.map((source) => [
      'source',
      source.name,
      source.severity,
      [source.id, source.report ?? '', source.suppressed ?? ''].filter((text) => text !== '').join(', '),
    ]);
    const rules = steps.map(({ rule, says, detail }) => ['rule', rule, says, detail]);
    const waived = exceptions.map((entry) => [
      'exception',
      entry.owner,
      entry.refusal === undefined ? 'covers' : 'refused',
      entry.refusal ?? `until ${entry.expires}`,
    ]);
    const stated = vex.map((entry) => [
      'VEX',
      entry.author,
      entry.status,
      `${entry.document}: ${entry.state}${entry.code === undefined ? '' : ` (${entry.code})`}`,
    ]);
    const rows = [...sources, ...rules, ...waived, ...stated];
    summary.paragraph(`${place}: ${finding.status}, ${finding.rule} says ${finding.action} (${finding.mode})`);
    summary.table(['What', 'Who', 'Says', 'Detail'], rows.slice(0, MAX_ROWS));
    for (const row of rows.slice(0, MAX_ROWS)) log.untrusted(`  ${row.join(' | ')}`);
  }
}
