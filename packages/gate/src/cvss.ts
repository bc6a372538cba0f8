import cvss from 'ae-cvss-calculator';
import { GateError } from './error.js';

type Weights = Readonly<Record<string, number>>;

const WEIGHTS = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  PR: { N: 0.85, L: 0.62, H: 0.27 },
  UI: { N: 0.85, R: 0.62 },
  S: { U: 0, C: 1 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 },
} satisfies Readonly<Record<string, Weights>>;

/** Privileges weigh more when the scope changes (CVSS v3.1 section 7.4, table 16). */
const CHANGED_PR: Weights = { N: 0.85, L: 0.68, H: 0.5 };

type Metric = keyof typeof WEIGHTS;
const METRICS = Object.keys(WEIGHTS) as readonly Metric[];
const OTHER_METRICS = new Set(['E', 'RL', 'RC', 'CR', 'IR', 'AR', ...METRICS.map((name) => `M${name}`)]);

/** CVSS v3.1 appendix A: the smallest number with one decimal that is not below the input, without floating-point noise. */
function roundUp(value: number): number {
  const scaled = Math.round(value * 100_000);
  return scaled % 10_000 === 0 ? scaled / 100_000 : (Math.floor(scaled / 10_000) + 1) / 10;
}

/** CVSS v3.0 appendix A, "Roundup" before it was defined exactly. */
function ceilOneDecimal(value: number): number {
  return Math.ceil(Number((value * 10).toFixed(8))) / 10;
}

function invalid(vector: string, state: string): GateError {
  return new GateError('CVSS_INVALID', `Cannot score "${vector.slice(0, 100)}": ${state}`);
}

function readMetrics(vector: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of vector.split('/').slice(1)) {
    const [name = '', value = '', ...rest] = part.split(':');
    const known = Object.hasOwn(WEIGHTS, name) || OTHER_METRICS.has(name);
    if (!known || rest.length > 0 || value === '') throw invalid(vector, `"${part.slice(0, 20)}" is no metric`);
    if (values.has(name)) throw invalid(vector, `metric ${name} is given twice`);
    values.set(name, value);
  }
  return values;
}

/**
 * Base score of a CVSS v3.0 or v3.1 vector, 0.0 to 10.0 with one decimal (CVSS v3.1 section 7.1). Temporal and environmental
 * metrics are read and left out: they are the reader's judgement, not the record's.
 * @throws {GateError} `CVSS_INVALID` for another version, an unknown, missing or repeated metric
 */
export function cvss3BaseScore(vector: string): number {
  const version = /^CVSS:3\.([01])\//.exec(vector)?.[1];
  if (version === undefined) throw invalid(vector, 'it is not a vector of CVSS 3.0 or 3.1');
  const values = readMetrics(vector);
  const weight = (metric: Metric, weights: Weights = WEIGHTS[metric]): number => {
    const value = values.get(metric);
    const found = value !== undefined && Object.hasOwn(weights, value) ? weights[value] : undefined;
    if (found === undefined) throw invalid(vector, `metric ${metric} is missing or has no such value`);
    return found;
  };
  const changed = weight('S') === 1;
  const iss = 1 - (1 - weight('C')) * (1 - weight('I')) * (1 - weight('A'));
  const impact = changed ? 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15 : 6.42 * iss;
  const privileges = weight('PR', changed ? CHANGED_PR : WEIGHTS.PR);
  const exploitability = 8.22 * weight('AV') * weight('AC') * privileges * weight('UI');
  if (impact <= 0) return 0;
  const sum = Math.min((changed ? 1.08 : 1) * (impact + exploitability), 10);
  return version === '1' ? roundUp(sum) : ceilOneDecimal(sum);
}

/** One version: its base metrics with their values, every other metric that may follow, and its formula. */
interface Grammar {
  readonly base: Readonly<Record<string, string>>;
  readonly others: ReadonlySet<string>;
  score(base: string): number;
}

const HIGH_LOW_NONE = 'HLN';
const VERSION_4: Grammar = {
  base: {
    ...{ AV: 'NALP', AC: 'LH', AT: 'NP', PR: 'NLH', UI: 'NPA' },
    ...{ VC: HIGH_LOW_NONE, VI: HIGH_LOW_NONE, VA: HIGH_LOW_NONE },
    ...{ SC: HIGH_LOW_NONE, SI: HIGH_LOW_NONE, SA: HIGH_LOW_NONE },
  },
  others: new Set([
    ...['E', 'CR', 'IR', 'AR', 'MAV', 'MAC', 'MAT', 'MPR', 'MUI', 'MVC', 'MVI', 'MVA', 'MSC', 'MSI', 'MSA'],
    ...['S', 'AU', 'R', 'V', 'RE', 'U'],
  ]),
  score: (base) => new cvss.Cvss4P0(`CVSS:4.0/${base}`).calculateScores(false).overall,
};
const VERSION_2: Grammar = {
  base: { AV: 'LAN', AC: 'HML', Au: 'MSN', C: 'NPC', I: 'NPC', A: 'NPC' },
  others: new Set(['E', 'RL', 'RC', 'CDP', 'TD', 'CR', 'IR', 'AR']),
  score: (base) => new cvss.Cvss2(base).calculateScores(false).overall,
};

/** The library is lenient about what is missing or unknown; a score of half a vector would be a guess. */
function baseOf(vector: string, text: string, { base, others }: Grammar): string {
  const values = new Map<string, string>();
  for (const part of text.split('/')) {
    const [metric = '', value = '', ...rest] = part.split(':');
    const known = Object.hasOwn(base, metric) || others.has(metric);
    if (!known || rest.length > 0 || value === '') throw invalid(vector, `"${part.slice(0, 20)}" is no metric`);
    if (values.has(metric)) throw invalid(vector, `metric ${metric} is given twice`);
    values.set(metric, value);
  }
  const parts = Object.entries(base).map(([metric, allowed]) => {
    const value = values.get(metric) ?? '';
    if (value.length === 1 && allowed.includes(value)) return `${metric}:${value}`;
    throw invalid(vector, `metric ${metric} is missing or has no such value`);
  });
  return parts.join('/');
}

/**
 * Base score of a vector of CVSS 2.0, 3.0, 3.1 or 4.0, told by its prefix (2.0 has none). Metrics of other groups are the reader's
 * judgement, and left out (v4.0 section 7, v2 section 2.4).
 * @throws {GateError} `CVSS_INVALID` for another version, an unknown, missing or repeated metric
 */
export function cvssBaseScore(vector: string): number {
  if (vector.startsWith('CVSS:3.')) return cvss3BaseScore(vector);
  const is4 = vector.startsWith('CVSS:4.0/');
  const grammar = is4 ? VERSION_4 : VERSION_2;
  const text = is4 ? vector.slice('CVSS:4.0/'.length) : vector.replace(/^\((.*)\)$/, '$1');
  const score = grammar.score(baseOf(vector, text, grammar));
  if (score >= 0 && score <= 10) return score;
  throw invalid(vector, 'it has no score');
}
