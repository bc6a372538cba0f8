import {
  array,
  boolean,
  type Decoder,
  integer,
  JsonError,
  literal,
  object,
  oneOf,
  optional,
  record,
  refine,
  string,
} from '@paved/json';
import { GateError } from './error.js';
import {
  ACTIONS,
  type Action,
  DEFAULT_POLICY,
  type Mode,
  type Policy,
  type PolicyException,
  RULE_IDS,
  type RuleId,
  type Threshold,
} from './policy.js';
import { SEVERITIES, type Severity } from './severity.js';

const MAX_EXCEPTION_DAYS = 366;
const MAX_EXCEPTIONS = 1000;
const DAY_MS = 86_400_000;

/** A misspelt key must not quietly mean "default". */
function closed<T>(keys: readonly string[], decoder: Decoder<T>): Decoder<T> {
  return (value, path = '$') => {
    for (const key of Object.keys(record((member) => member)(value, path))) {
      if (keys.includes(key)) continue;
      throw new JsonError('JSON_UNEXPECTED', `Cannot read field "${path}.${key.slice(0, 60)}": it is not known`);
    }
    return decoder(value, path);
  };
}

function matching(pattern: RegExp, what: string): Decoder<string> {
  return refine(string, (text) => {
    if (pattern.test(text)) return text;
    throw new GateError('POLICY_INVALID', `"${text.slice(0, 60)}" is not ${what}`);
  });
}

const action = literal<Action>(...ACTIONS);
const threshold: Decoder<Threshold> = oneOf<Threshold>(
  refine(action, (both) => ({ protected: both, other: both })),
  closed(['protected', 'other'], object({ protected: action, other: action })),
);

function partial<K extends string, T>(keys: readonly K[], item: Decoder<T>): Decoder<Partial<Record<K, T>>> {
  return closed(keys, record(item)) as Decoder<Partial<Record<K, T>>>;
}

const thresholds = partial<Severity, Threshold>(SEVERITIES, threshold);
const modes = partial<RuleId, Mode>(RULE_IDS, literal<Mode>('audit', 'enforce'));
const text = matching(/^[^\p{Cc}]{1,500}$/u, 'a line of 1 to 500 characters');
const date = refine(matching(/^\d{4}-\d\d-\d\d$/, 'a date (YYYY-MM-DD)'), (day) => {
  if (new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) return day;
  throw new GateError('POLICY_INVALID', `"${day}" is not a date`);
});

const exceptionKeys = ['id', 'package', 'owner', 'reason', 'created', 'expires', 'kev'];
const exception: Decoder<PolicyException> = closed(
  exceptionKeys,
  refine(
    object({
      id: matching(/^[A-Za-z0-9][\w.:-]{2,99}$/, 'an advisory id'),
      package: matching(/^pkg:[a-z][a-z0-9.+-]*\/\S{1,500}$/, 'a purl pattern (pkg:type/name)'),
      owner: text,
      reason: text,
      created: date,
      expires: date,
      kev: optional(boolean),
    }),
    (entry) => ({ ...entry, kev: entry.kev ?? false }),
  ),
);

const policy = closed(
  ['version', 'thresholds', 'environments', 'modes', 'not-checked', 'exceptions', 'exceptions-max-days'],
  object({
    version: optional(literal(1)),
    thresholds: optional(thresholds),
    environments: optional(record(thresholds)),
    modes: optional(modes),
    'not-checked': optional(closed(['allow'], object({ allow: array(text) }))),
    exceptions: optional(array(exception)),
    'exceptions-max-days': optional(integer),
  }),
);

function days(entry: PolicyException): number {
  return (Date.parse(`${entry.expires}T00:00:00Z`) - Date.parse(`${entry.created}T00:00:00Z`)) / DAY_MS;
}

function invalid(state: string, cause?: unknown): GateError {
  return new GateError('POLICY_INVALID', `Cannot read the policy: ${state}`, {
    cause,
    hint: 'Compare it with docs/policy.md and docs/schemas/policy.schema.json',
  });
}

/**
 * Reads a parsed policy document (YAML or JSON; docs/schemas/policy.schema.json). What it leaves out is {@link DEFAULT_POLICY}.
 * @throws {GateError} `POLICY_INVALID`: an unknown key, a value of another kind, an exception that lasts longer than allowed
 */
export function parsePolicy(value: unknown): Policy {
  let document: ReturnType<typeof policy>;
  try {
    document = policy(value);
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : 'it is not an object', cause);
  }
  const maxDays = document['exceptions-max-days'] ?? DEFAULT_POLICY.exceptions.maxDays;
  if (maxDays < 0 || maxDays > MAX_EXCEPTION_DAYS)
    throw invalid(`exceptions-max-days is not 0 to ${MAX_EXCEPTION_DAYS}`);
  const entries = document.exceptions ?? [];
  if (entries.length > MAX_EXCEPTIONS) throw invalid(`it has more than ${MAX_EXCEPTIONS} exceptions`);
  if (document.modes?.kev === 'audit') throw invalid('the rule kev cannot be set to audit');
  assertExceptions(entries, maxDays);
  return {
    version: 1,
    thresholds: { ...DEFAULT_POLICY.thresholds, ...document.thresholds },
    environments: document.environments ?? {},
    modes: { ...DEFAULT_POLICY.modes, ...document.modes },
    notChecked: document['not-checked'] ?? DEFAULT_POLICY.notChecked,
    exceptions: { maxDays, entries },
  };
}

/** @throws {GateError} `POLICY_INVALID` */
export function assertExceptions(entries: readonly PolicyException[], maxDays: number): void {
  for (const entry of entries) {
    const length = days(entry);
    if (length <= 0) throw invalid(`the exception for "${entry.id}" expires before it begins`);
    if (length > maxDays) throw invalid(`the exception for "${entry.id}" lasts ${length} days of at most ${maxDays}`);
    if (entry.kev && !/^CVE-\d{4}-\d{4,19}$/.test(entry.id)) {
      throw invalid(`the exception for "${entry.id}" says kev and does not name a CVE`);
    }
  }
}
