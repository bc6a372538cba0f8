import { array, boolean, integer, JsonError, literal, object, optional, parseJson, record, string } from '@paved/json';
import { GateError } from '../error.js';
import { isBlocking } from '../finding.js';
import { FINDING_KINDS } from '../raw-finding.js';
import { SEVERITIES } from '../severity.js';
import { VERDICT_MEDIA_TYPE } from '../verdict.js';

/** What reporters need of a finding; a member that a later version adds is ignored. */
const finding = object({
  identity: string,
  id: string,
  aliases: array(string),
  kind: literal(...FINDING_KINDS),
  title: string,
  package: optional(
    object({
      purl: string,
      name: string,
      ecosystem: string,
      versions: array(string),
      direct: boolean,
      relation: string,
    }),
  ),
  locations: array(object({ path: string, line: optional(integer) })),
  fixedIn: array(string),
  severity: literal(...SEVERITIES),
  sources: array(
    object({
      name: string,
      id: string,
      severity: literal(...SEVERITIES),
      report: optional(string),
      version: optional(string),
    }),
  ),
  kev: optional(object({ cve: string, dateAdded: string, dueDate: string })),
  firstSeen: optional(string),
  dueAt: optional(string),
  status: literal('open', 'suppressed'),
  suppressedBy: optional(object({ by: literal('exception', 'vex', 'scanner'), reason: string })),
  rule: string,
  action: literal('trend', 'backlog', 'warn', 'block'),
  mode: literal('audit', 'enforce'),
});

export type ReportedFinding = ReturnType<typeof finding>;

const verdict = object({
  mediaType: literal(VERDICT_MEDIA_TYPE),
  verdict: literal('pass', 'fail'),
  subject: optional(object({ name: string, digest: string })),
  counts: object({
    components: integer,
    findings: integer,
    blocking: integer,
    suppressed: integer,
    kev: integer,
    bySeverity: record(integer),
  }),
  findings: array(finding),
  unchecked: array(object({ ecosystem: string, packages: integer, allowed: boolean })),
  databases: array(
    object({ kind: string, ecosystem: optional(string), source: string, sha256: string, modifiedAt: string }),
  ),
  documents: array(
    object({
      kind: string,
      name: string,
      sha256: string,
      scanner: optional(string),
      createdAt: optional(string),
      databaseBuiltAt: optional(string),
    }),
  ),
  asOf: string,
  at: string,
});

/** A verdict document as another job handed it over. Every text in it is hostile: it comes from packages and scanners. */
export type Reported = ReturnType<typeof verdict>;

/**
 * @throws {GateError} `VERDICT_MALFORMED`: empty, truncated, another document, or a pass that lists what blocks
 */
export function parseReported(text: string): Reported {
  let document: Reported;
  try {
    document = parseJson('the verdict', text, verdict);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw malformed('it is empty, truncated or of another form', cause);
  }
  const { counts, findings } = document;
  const blocking = findings.filter(blocks).length;
  if (counts.findings !== findings.length || counts.blocking !== blocking)
    throw malformed('its counts are not those of its findings');
  if (document.verdict === 'pass' && blocking > 0) throw malformed('it passes and lists findings that block');
  return document;
}

/** Whether a finding of a verdict blocks, by the gate's own rule. */
export function blocks(found: ReportedFinding): boolean {
  return isBlocking(found as Parameters<typeof isBlocking>[0]);
}

function malformed(state: string, cause?: unknown): GateError {
  return new GateError('VERDICT_MALFORMED', `Cannot report the verdict: ${state}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Hand over the verdict.json that scan-gate wrote',
  });
}
