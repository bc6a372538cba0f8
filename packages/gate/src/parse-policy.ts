import {
  array,
  boolean,
  type Decoder,
  integer,
  JsonError,
  literal,
  number,
  object,
  oneOf,
  optional,
  record,
  refine,
  string,
} from '@paved/json';
import { GateError } from './error.js';
import type { Relation } from './finding.js';
import { assertLicenceEntry } from './licence-expression.js';
import {
  ACTIONS,
  type Action,
  DEFAULT_POLICY,
  type ExceptionConditions,
  type LicenceRules,
  type Mode,
  type PartialThresholds,
  type Policy,
  type PolicyException,
  REPORT_KINDS,
  type ReportKind,
  RULE_IDS,
  type RuleId,
  type Threshold,
  type VexSigner,
} from './policy.js';
import { FINDING_KINDS, type FindingKind } from './raw-finding.js';
import { SEVERITIES, type Severity } from './severity.js';

const MAX_EXCEPTION_DAYS = 366;
const MAX_EXCEPTIONS = 1000;
const MAX_VEX_DOCUMENTS = 32;
const DAY_MS = 86_400_000;
const BLOCK: Threshold = { protected: 'block', other: 'block' };

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

const exceptionKeys = ['id', 'package', 'owner', 'reason', 'created', 'expires', 'kev', 'while'];
const probability = refine(number, (value) => {
  if (value >= 0 && value <= 1) return value;
  throw new GateError('POLICY_INVALID', `${value} is not 0 to 1`);
});
const conditions: Decoder<ExceptionConditions> = closed(
  ['severity-at-most', 'epss-below', 'without-fix', 'environment'],
  refine(
    object({
      'severity-at-most': optional(literal<Severity>(...SEVERITIES.filter((severity) => severity !== 'unknown'))),
      'epss-below': optional(probability),
      'without-fix': optional(boolean),
      environment: optional(text),
    }),
    ({ 'severity-at-most': severityAtMost, 'epss-below': epssBelow, 'without-fix': withoutFix, environment }) => ({
      ...(severityAtMost === undefined ? {} : { severityAtMost }),
      ...(epssBelow === undefined ? {} : { epssBelow }),
      ...(withoutFix === undefined ? {} : { withoutFix }),
      ...(environment === undefined ? {} : { environment }),
    }),
  ),
);
const exception: Decoder<PolicyException> = closed(
  exceptionKeys,
  refine(
    object({
      id: matching(/^[A-Za-z0-9@][\w./:@-]{2,199}$/, 'an advisory id or the rule of a scanner'),
      package: matching(
        /^(?:pkg:[a-z][a-z0-9.+-]*\/|path:)\S{1,500}$/,
        'a purl pattern (pkg:type/name) or path:pattern',
      ),
      owner: text,
      reason: text,
      created: date,
      expires: date,
      kev: optional(boolean),
      while: optional(conditions),
    }),
    (entry) => ({ ...entry, kev: entry.kev ?? false }),
  ),
);

const count = refine(integer, (value) => {
  if (value >= 0) return value;
  throw new GateError('POLICY_INVALID', `${value} is below zero`);
});
/** `24h` or `7d`, as days. */
const period = refine(matching(/^\d{1,4}[hd]$/, 'a number of hours or days (24h, 7d)'), (value) =>
  value.endsWith('h') ? Number(value.slice(0, -1)) / 24 : Number(value.slice(0, -1)),
);
const reportKinds = array(literal<ReportKind>(...REPORT_KINDS));
const RELATIONS: readonly Relation[] = ['direct', 'transitive', 'base-image', 'unknown'];

const licences: Decoder<LicenceRules> = closed(
  ['allow', 'deny', 'packages', 'denied', 'unresolved'],
  refine(
    object({
      allow: optional(array(text)),
      deny: optional(array(text)),
      packages: optional(array(text)),
      denied: optional(threshold),
      unresolved: optional(threshold),
    }),
    ({ allow, deny = [], packages = [], denied = BLOCK, unresolved = BLOCK }) => {
      for (const id of [...(allow ?? []), ...deny]) assertLicenceEntry(id);
      return { ...(allow === undefined ? {} : { allow }), deny, packages, denied, unresolved };
    },
  ),
);

const commit = matching(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'a full commit');
const id = matching(/^[1-9][0-9]{0,19}$/, 'a number, in quotes');
const workflowSigner: Decoder<VexSigner> = closed(
  ['issuer', 'workflow-path', 'signer-digests', 'repository-id', 'owner-id', 'source-ref', 'runner-environment'],
  refine(
    object({
      issuer: matching(/^https?:\/\/\S{1,300}$/, 'the URL of an issuer'),
      'workflow-path': matching(
        /^[a-z0-9.-]+(?::\d+)?\/[^/@\s]+\/[^/@\s]+\/\.github\/workflows\/[^/@\s]+\.ya?ml$/i,
        'host/owner/repo/.github/workflows/file.yml',
      ),
      'signer-digests': refine(array(commit), (commits) => {
        if (commits.length > 0) return commits;
        throw new GateError('POLICY_INVALID', 'signer-digests is empty');
      }),
      'repository-id': id,
      'owner-id': id,
      'source-ref': optional(matching(/^refs\/\S{1,300}$/, 'a full ref')),
      'runner-environment': optional(literal('github-hosted', 'self-hosted')),
    }),
    (entry): VexSigner => ({
      by: 'workflow',
      issuer: entry.issuer,
      workflowPath: entry['workflow-path'],
      signerDigests: entry['signer-digests'],
      repositoryId: entry['repository-id'],
      ownerId: entry['owner-id'],
      ...(entry['source-ref'] === undefined ? {} : { sourceRef: entry['source-ref'] }),
      runnerEnvironment: entry['runner-environment'] ?? 'github-hosted',
    }),
  ),
);
const publicKey = matching(
  /^-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]{40,8000}-----END PUBLIC KEY-----\s*$/,
  'a public key in PEM (SPKI)',
);
const keySigner: Decoder<VexSigner> = closed(
  ['public-key'],
  refine(object({ 'public-key': publicKey }), (entry): VexSigner => ({ by: 'key', publicKey: entry['public-key'] })),
);

/** By what it has, so that the error names the member that is wrong. */
const signer: Decoder<VexSigner> = (value, path = '$') => {
  const hasKey = typeof value === 'object' && value !== null && 'public-key' in value;
  return (hasKey ? keySigner : workflowSigner)(value, path);
};

/** Relative to the repository; a segment of dots would leave it, and a query would ask for another commit. */
const repositoryPath = matching(
  /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._@+-]+(?:\/[A-Za-z0-9._@+-]+){0,20}$/,
  'a path of plain names, relative to the repository',
);

const policy = closed(
  [
    'version',
    'thresholds',
    'environments',
    'branches',
    'events',
    'kinds',
    'relations',
    'modes',
    'counts',
    'sla',
    'epss',
    'without-fix',
    'required-reports',
    'licences',
    'vex',
    'scanner-suppressions',
    'not-checked',
    'exceptions',
    'exceptions-max-days',
    'exceptions-known-owners',
  ],
  object({
    version: optional(literal(1)),
    thresholds: optional(thresholds),
    environments: optional(record(thresholds)),
    branches: optional(record(thresholds)),
    events: optional(record(thresholds)),
    kinds: optional(partial<FindingKind, PartialThresholds>(FINDING_KINDS, thresholds)),
    relations: optional(partial<Relation, PartialThresholds>(RELATIONS, thresholds)),
    modes: optional(modes),
    counts: optional(partial<Severity, number>(SEVERITIES, count)),
    sla: optional(
      closed([...SEVERITIES, 'overdue'], (value, path = '$') => {
        const { overdue, ...days } = record((member) => member)(value, path);
        return {
          days: partial<Severity, number>(SEVERITIES, period)(days, path),
          overdue: overdue === undefined ? DEFAULT_POLICY.sla.overdue : threshold(overdue, `${path}.overdue`),
        };
      }),
    ),
    epss: optional(closed(['above', 'action'], object({ above: probability, action: optional(threshold) }))),
    'without-fix': optional(threshold),
    'required-reports': optional(
      oneOf<Policy['required']>(
        refine(reportKinds, (kinds) => ({ protected: kinds, other: kinds })),
        record(reportKinds),
      ),
    ),
    licences: optional(licences),
    vex: optional(
      closed(
        ['authors', 'signers', 'documents'],
        object({
          authors: optional(array(text)),
          signers: optional(array(signer)),
          documents: optional(
            refine(array(repositoryPath), (paths) => {
              if (paths.length <= MAX_VEX_DOCUMENTS && new Set(paths).size === paths.length) return paths;
              throw new GateError('POLICY_INVALID', `it has more than ${MAX_VEX_DOCUMENTS} entries, or one twice`);
            }),
          ),
        }),
      ),
    ),
    'scanner-suppressions': optional(threshold),
    'not-checked': optional(closed(['allow'], object({ allow: array(text) }))),
    exceptions: optional(array(exception)),
    'exceptions-max-days': optional(integer),
    'exceptions-known-owners': optional(boolean),
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
  const { epss, licences: licenceRules, vex } = document;
  return {
    version: 1,
    thresholds: { ...DEFAULT_POLICY.thresholds, ...document.thresholds },
    environments: document.environments ?? {},
    branches: document.branches ?? {},
    events: document.events ?? {},
    kinds: { ...DEFAULT_POLICY.kinds, ...document.kinds },
    relations: document.relations ?? {},
    modes: { ...DEFAULT_POLICY.modes, ...document.modes },
    counts: document.counts ?? {},
    sla: {
      days: { ...DEFAULT_POLICY.sla.days, ...document.sla?.days },
      overdue: document.sla?.overdue ?? DEFAULT_POLICY.sla.overdue,
    },
    ...(epss === undefined ? {} : { epss: { above: epss.above, action: epss.action ?? BLOCK } }),
    withoutFix: document['without-fix'] ?? DEFAULT_POLICY.withoutFix,
    required: document['required-reports'] ?? {},
    ...(licenceRules === undefined ? {} : { licences: licenceRules }),
    vex: { authors: vex?.authors ?? [], signers: vex?.signers ?? [], documents: vex?.documents ?? [] },
    scannerSuppressions: document['scanner-suppressions'] ?? DEFAULT_POLICY.scannerSuppressions,
    notChecked: document['not-checked'] ?? DEFAULT_POLICY.notChecked,
    exceptions: { maxDays, entries, knownOwners: document['exceptions-known-owners'] ?? false },
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
