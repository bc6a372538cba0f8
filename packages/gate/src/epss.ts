import { GateError } from './error.js';
import type { Epss } from './raw-finding.js';

/** Scores as published; `released` is the publisher's own date and decides the age. */
export interface EpssScores {
  readonly model: string;
  readonly released: string;
  readonly entries: ReadonlyMap<string, Epss>;
}

const HEAD = /^#model_version:([^,]{1,60}),score_date:(\d{4}-\d\d-\d\d(?:T[\d:.+Z-]{1,30})?)\s*$/;
const ROW = /^(CVE-\d{4}-\d{4,19}),([\d.eE+-]{1,30}),([\d.eE+-]{1,30})$/;
const MAX_ROWS = 2_000_000;

function malformed(state: string): GateError {
  return new GateError('EPSS_MALFORMED', `Cannot read the EPSS scores: ${state}`, {
    hint: 'Give epss_scores-YYYY-MM-DD.csv as it is published, unpacked',
  });
}

function probability(text: string, line: number): number {
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw malformed(`line ${line} has no probability`);
}

/**
 * Reads the published table (first line: model and date; then `cve,epss,percentile`; numbers may have an exponent).
 * @throws {GateError} `EPSS_MALFORMED` for an empty, cut or other file
 */
export function parseEpss(text: string): EpssScores {
  const lines = text.split('\n');
  const head = HEAD.exec(lines[0] ?? '');
  if (head === null || lines[1]?.trim() !== 'cve,epss,percentile') throw malformed('its first two lines are others');
  if (lines.length > MAX_ROWS) throw malformed(`it has more than ${MAX_ROWS} lines`);
  const [, model = '', released = ''] = head;
  const entries = new Map<string, Epss>();
  for (let index = 2; index < lines.length; index++) {
    const line = (lines[index] ?? '').trimEnd();
    if (line === '' && index === lines.length - 1) break;
    const row = ROW.exec(line);
    if (row === null) throw malformed(`line ${index + 1} is no row`);
    const [, cve = '', score = '', percentile = ''] = row;
    entries.set(cve, {
      score: probability(score, index + 1),
      percentile: probability(percentile, index + 1),
      date: released,
    });
  }
  if (entries.size === 0) throw malformed('it has no rows');
  return { model, released, entries };
}
