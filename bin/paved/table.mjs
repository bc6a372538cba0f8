const MAX_ROWS = 50;
const MAX_CELL = 80;
// Control characters, bidirectional marks and line breaks: what can hide, reorder or forge lines of a terminal.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** What an action found, as lines for people; the whole of it is in the document. Texts of others are cut and cannot move the cursor. */
const TABLES = {
  'scan-gate': { output: 'verdict-path', rows: findingRows },
  verify: { output: 'verification-path', rows: checkRows },
};

/** @param read gives the parsed document of an output, or undefined */
export function tableOf(action, read) {
  const table = TABLES[action];
  const rows = table === undefined ? [] : table.rows(read(table.output) ?? {});
  if (rows.length === 0) return '';
  const shown = rows.slice(0, MAX_ROWS).map((row) => row.map(plain));
  const widths = shown[0].map((_, column) => Math.max(...shown.map((row) => row[column].length)));
  const lines = shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  if (rows.length > MAX_ROWS) lines.push(`and ${rows.length - MAX_ROWS} more`);
  return `${lines.join('\n')}\n`;
}

function findingRows({ findings = [] }) {
  return findings.map(({ status, action, severity, id, package: found, locations, fixedIn, suppressedBy, kev }) => [
    status === 'open' ? action : `suppressed by ${suppressedBy?.by ?? 'scanner'}`,
    severity,
    id,
    found === undefined ? (locations?.[0]?.path ?? '') : `${found.name} ${found.versions.join(', ')}`,
    fixedIn?.length > 0 ? `fixed in ${fixedIn.slice(0, 3).join(', ')}` : '',
    kev === undefined ? '' : `exploited since ${kev.dateAdded}`,
  ]);
}

function checkRows({ checks = [] }) {
  return checks.map(({ ok, name, code, detail }) => [
    ok ? 'ok' : 'NO',
    name,
    code === undefined ? detail : `${code}: ${detail}`,
  ]);
}

function plain(cell) {
  const text = String(cell ?? '').replaceAll(INVISIBLE, '\u{fffd}');
  return text.length <= MAX_CELL ? text : `${text.slice(0, MAX_CELL - 1)}…`;
}
