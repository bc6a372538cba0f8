import { sha256 } from '@paved/digest';
import type { Severity } from '@paved/gate';
import { ScanGateError } from '../error.js';
import type { RuleAnswer } from './evaluate-rules.js';

const MAX_FINDINGS = 10_000;
const MAX_CHARS = 1000;
const ID = /^[A-Za-z0-9@][\w./:@-]{2,199}$/;
/** The scores by which the gate reads a severity in SARIF. */
const SCORES: Partial<Record<Severity, string>> = { critical: '9.5', high: '8.0', medium: '5.5', low: '2.0' };

/** Answers of one module. */
export interface ModuleAnswers {
  readonly name: string;
  readonly answers: readonly RuleAnswer[];
}

interface Message {
  readonly text: string;
  readonly id: string;
  readonly severity: Severity;
  readonly path: string;
  readonly line: number | undefined;
}

/** The findings of rule modules as SARIF, in which they are handed to the gate like a scanner's: beside the others, never instead. */
export function rulesReport(modules: readonly ModuleAnswers[]): unknown {
  const messages = modules.flatMap(({ name, answers }) => answers.flatMap((answer) => messagesOf(name, answer)));
  if (messages.length > MAX_FINDINGS)
    throw unusable(modules[0]?.name ?? '', `it has more than ${MAX_FINDINGS} findings`);
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [{ tool: { driver: { name: 'paved-rules', rules: [] } }, results: messages.map(resultOf) }],
  };
}

function resultOf({ text, id, severity, path, line }: Message): unknown {
  const region = line === undefined ? {} : { region: { startLine: line } };
  return {
    ruleId: id,
    level: severity === 'critical' || severity === 'high' ? 'error' : 'warning',
    message: { text },
    locations: [{ physicalLocation: { artifactLocation: { uri: path }, ...region } }],
    // Two messages of one rule are two findings.
    partialFingerprints: { primaryLocationLineHash: sha256(`${id}\0${text}`).slice('sha256:'.length, 48) },
    properties: { 'security-severity': SCORES[severity] },
  };
}

/** A set of messages, or one; conftest takes the same. Whatever else it is, nobody can say that the rule found nothing. */
function messagesOf(module: string, { rule, value }: RuleAnswer): readonly Message[] {
  if (value === false || value === null) return [];
  if (value === true) return [messageOf(module, rule, rule)];
  return (Array.isArray(value) ? value : [value]).map((entry) => messageOf(module, rule, entry));
}

function messageOf(module: string, rule: string, entry: unknown): Message {
  const fields = typeof entry === 'string' ? { msg: entry } : fieldsOf(entry);
  if (typeof fields?.msg !== 'string') {
    throw unusable(module, `${rule.slice(0, 100)} answers neither a text nor an object with msg`);
  }
  const details = { ...fields, ...fieldsOf(fields.details) };
  const { id, severity, path, line } = details as Readonly<Record<string, unknown>>;
  const isWarning = rule.slice(rule.lastIndexOf('/') + 1).startsWith('warn');
  const known = typeof severity === 'string' && Object.hasOwn(SCORES, severity);
  return {
    text: fields.msg.slice(0, MAX_CHARS),
    id: typeof id === 'string' && ID.test(id) ? id : rule,
    severity: known ? (severity as Severity) : isWarning ? 'medium' : 'high',
    path: typeof path === 'string' && path !== '' ? path.slice(0, 500) : module,
    line: typeof line === 'number' && Number.isInteger(line) && line > 0 ? line : undefined,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function unusable(module: string, state: string): ScanGateError {
  return new ScanGateError('RULES_FAILED', `Cannot use what rules "${module}" answer: ${state}`, {
    hint: 'Rules answer texts, or objects with msg and details (docs/rules.md)',
  });
}
