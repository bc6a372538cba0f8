import { GateError } from '../error.js';
import { type Fields, fieldsOf, listAt, numberAt, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import type { ReportKind } from '../policy.js';
import type { FindingLocation, RawFinding } from '../raw-finding.js';
import { RawRecord, SourceRecord } from '../raw-record.js';
import type { Severity } from '../severity.js';
import { severityOfNumber, severityOfText } from './grype.js';
import { namedPackage } from './package-purl.js';
import { tooLarge } from './parse-bytes.js';
import { MAX_FINDINGS, malformed, type ParsedReport } from './parsed-report.js';
import { advisoryOf, kindOfResult, kindOfTool, type SarifKind } from './sarif-kind.js';

const MAX_RUNS = 1000;
const LEVELS: Readonly<Record<string, Severity>> = {
  error: 'high',
  warning: 'medium',
  note: 'low',
  none: 'informational',
};

/** Rules of a run by id and by index. Ids repeat (gitleaks), and results name rules that are not there. */
interface Rules {
  readonly byId: ReadonlyMap<string, Fields>;
  readonly list: readonly Fields[];
}

interface Run {
  readonly what: string;
  readonly report: string;
  readonly tool: string;
  readonly kind: SarifKind;
  readonly rules: Rules;
  readonly artifacts: readonly Fields[];
}

function rulesOf(run: Fields): Rules {
  const tool = objectAt(run, 'tool');
  const list = objectsAt(objectAt(tool, 'driver'), 'rules');
  const all = [...list, ...objectsAt(tool, 'extensions').flatMap((extension) => objectsAt(extension, 'rules'))];
  const byId = new Map<string, Fields>();
  for (const rule of all) {
    const id = textAt(rule, 'id');
    if (!byId.has(id)) byId.set(id, rule);
  }
  return { byId, list };
}

/** SARIF 2.1.0 section 3.52.3: by id, then by index, then by the parent of a hierarchical id. */
function ruleOf(result: Fields, { byId, list }: Rules): Fields | undefined {
  const reference = objectAt(result, 'rule');
  const id = textAt(result, 'ruleId') || textAt(reference, 'id');
  const index = numberAt(result, 'ruleIndex') ?? numberAt(reference, 'index') ?? -1;
  return byId.get(id) ?? list[index] ?? byId.get(id.replace(/\/[^/]*$/s, ''));
}

/** `result.level`, else the rule's default, else `warning`; `none` for what is no failure (sections 3.27.10 and 3.27.9). */
export function levelOf(result: Fields, rule: Fields | undefined): string {
  const kind = textAt(result, 'kind');
  if (kind !== '' && kind !== 'fail') return 'none';
  return textAt(result, 'level') || textAt(objectAt(rule, 'defaultConfiguration'), 'level') || 'warning';
}

/** Has suppressions, and none of them is still being reviewed or was rejected (section 3.27.23). */
function suppressionOf(result: Fields): string | undefined {
  const suppressions = objectsAt(result, 'suppressions');
  if (suppressions.length === 0) return undefined;
  if (suppressions.some((entry) => ['underReview', 'rejected'].includes(textAt(entry, 'status')))) return undefined;
  const words = suppressions.map((entry) =>
    [textAt(entry, 'kind'), textAt(entry, 'justification')].filter((word) => word !== '').join(': '),
  );
  return oneLine(words.filter((word) => word !== '').join('; ') || 'suppressed in the report');
}

/** Tools whose levels say nothing: checkov calls everything an error without an API key, gitleaks says none at all. */
const LEVEL_SAYS_NOTHING = /checkov|gitleaks|trufflehog/i;

function severityOf(run: Run, result: Fields, rule: Fields | undefined, help: string): Severity {
  const word = /^Severity:[ \t]*(\w+)/m.exec(help)?.[1];
  if (word !== undefined) return severityOfText(word);
  const scored =
    severityOfNumber(objectAt(result, 'properties')['security-severity']) ??
    severityOfNumber(objectAt(rule, 'properties')['security-severity']);
  if (scored !== undefined) return scored;
  if (LEVEL_SAYS_NOTHING.test(run.tool)) return 'unknown';
  const level = levelOf(result, rule);
  return (Object.hasOwn(LEVELS, level) ? LEVELS[level] : undefined) ?? 'unknown';
}

function locationOf(run: Run, result: Fields): FindingLocation | undefined {
  const location = objectAt(fieldsOf(listAt(result, 'locations')[0]), 'physicalLocation');
  // Queries of a URL carry tokens.
  const artifact = objectAt(location, 'artifactLocation');
  const listed = run.artifacts[numberAt(artifact, 'index') ?? -1];
  const uri = textAt(artifact, 'uri') || textAt(objectAt(listed, 'location'), 'uri');
  const path = oneLine(uri.replace(/[?#].*$/s, ''), 500);
  if (path === '') return undefined;
  const line = numberAt(objectAt(location, 'region'), 'startLine');
  return { path, ...(line === undefined || line < 1 ? undefined : { line }) };
}

/** A fingerprint that tells results apart; the constant of a logged-out semgrep does not, nor do commits and e-mails. */
function fingerprintOf(result: Fields): string {
  const line = textAt(objectAt(result, 'partialFingerprints'), 'primaryLocationLineHash');
  if (line !== '') return line.slice(0, 200);
  const match = textAt(objectAt(result, 'fingerprints'), 'matchBasedId/v1');
  return match === 'requires login' ? '' : match.slice(0, 200);
}

interface NamedInHelp {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly fixedIn: readonly string[];
  readonly purl: string;
}

const MEMBERS = {
  name: /^Package:[ \t]*(.*)$/m,
  installed: /^Installed Version:[ \t]*(.*)$/m,
  version: /^Version:[ \t]*(.*)$/m,
  fixed: /^Fixed Version:[ \t]*(.*)$/m,
  fix: /^Fix Version:[ \t]*(.*)$/m,
  type: /^Type:[ \t]*(.*)$/m,
};

/** The package that a vulnerability is in: grype and trivy write it into help and message, one member a line. */
function packageOf(result: Fields, rule: Fields | undefined, help: string): NamedInHelp | undefined {
  const message = textAt(objectAt(result, 'message'), 'text');
  const field = (name: keyof typeof MEMBERS) => {
    const pattern = MEMBERS[name];
    return (pattern.exec(message)?.[1] ?? pattern.exec(help)?.[1] ?? '').trim();
  };
  const name = field('name');
  const purls = textsAt(objectAt(rule, 'properties'), 'purls');
  if (name === '' && purls.length !== 1) return undefined;
  const fixedIn = (field('fixed') || field('fix')).split(',').map((text) => text.trim());
  return {
    name,
    version: field('installed') || field('version'),
    type: field('type'),
    fixedIn: fixedIn.filter((text) => text !== ''),
    purl: purls.length === 1 ? (purls[0] ?? '') : '',
  };
}

/**
 * What may be shown of it. A secret scanner's message can quote the secret and a web scanner's the response, so theirs is the
 * rule's own text. Requests, responses, snippets and code flows are never read.
 */
function titleOf(kind: RawFinding['kind'], result: Fields, rule: Fields | undefined, ruleId: string): string {
  const short = textAt(objectAt(rule, 'shortDescription'), 'text') || textAt(rule, 'name');
  const own = oneLine(textAt(objectAt(result, 'message'), 'text') || textAt(objectAt(result, 'message'), 'markdown'));
  if (kind === 'secret' || kind === 'dast' || kind === 'vulnerability' || kind === 'licence')
    return oneLine(short || ruleId);
  return own || oneLine(short || ruleId);
}

function finding(run: Run, result: Fields): RawFinding | undefined {
  const rule = ruleOf(result, run.rules);
  const level = levelOf(result, rule);
  const resultKind = textAt(result, 'kind');
  // What passed, or does not apply, is listed beside what failed; conftest marks its successes by the level alone.
  if ((resultKind !== '' && resultKind !== 'fail') || (level === 'none' && /conftest/i.test(run.tool)))
    return undefined;
  const ruleId = oneLine(
    textAt(result, 'ruleId') || textAt(objectAt(result, 'rule'), 'id') || textAt(rule, 'id') || 'unnamed-rule',
    200,
  );
  const kind = kindOfResult(run.kind, ruleId, textAt(rule, 'name'));
  const help = textAt(objectAt(rule, 'help'), 'text');
  const isVulnerability = kind === 'vulnerability';
  const found = isVulnerability ? packageOf(result, rule, help) : undefined;
  const location = locationOf(run, result);
  const id = isVulnerability ? advisoryOf(ruleId) : ruleId;
  const place = `${location?.path ?? ''} ${fingerprintOf(result) || (location?.line ?? '')}`;
  const named = found === undefined ? undefined : namedPackage(found.purl, found.type, found.name, found.version);
  return new RawRecord({
    source: new SourceRecord({
      name: run.tool,
      id,
      severity: severityOf(run, result, rule, isVulnerability || kind === 'licence' ? help : ''),
      report: run.report,
      version: found?.version,
      location,
      suppressed: suppressionOf(result),
    }),
    ids: [id],
    kind,
    purl: named?.purl,
    ecosystem: named?.ecosystem ?? '',
    inferred: named?.inferred,
    name: found?.name ?? '',
    version: found?.version ?? '',
    fixedIn: found === undefined || found.fixedIn.length === 0 ? undefined : found.fixedIn,
    title: titleOf(kind, result, rule, ruleId),
    identity: found === undefined ? `${kind} ${run.tool} ${ruleId} ${place}` : undefined,
  });
}

/** Every run of a SARIF 2.1.0 document: one finding per result that failed, however many locations it has. */
export function parseSarif(what: string, report: string, document: Fields): ParsedReport {
  const version = textAt(document, 'version');
  if (version !== '' && !version.startsWith('2.'))
    throw malformed(what, `it is SARIF ${version.slice(0, 20)}, expected 2.1.0`);
  if (!Array.isArray(document.runs)) throw malformed(what, 'it is SARIF without runs');
  const runs = listAt(document, 'runs');
  if (runs.length > MAX_RUNS) throw tooLarge(what, `it has ${runs.length} runs`);
  const findings: RawFinding[] = [];
  const kinds = new Set<ReportKind>();
  const tools = new Set<string>();
  let scannerVersion = '';
  let incomplete: string | undefined;
  for (const entry of runs) {
    const run = fieldsOf(entry);
    const driver = objectAt(objectAt(run, 'tool'), 'driver');
    const tool = oneLine(textAt(driver, 'name'), 100);
    if (run === undefined || tool === '') throw malformed(what, 'a run names no tool');
    const results = resultsOf(what, tool, run);
    if (saysFailed(run)) {
      if (results.length === 0) throw failed(what, tool);
      incomplete = `${tool} says that its run failed`;
    }
    incomplete ??= elsewhere(tool, run);
    if (findings.length + results.length > MAX_FINDINGS)
      throw tooLarge(what, `it has more than ${MAX_FINDINGS} results`);
    const kind = kindOfTool(tool);
    tools.add(tool);
    if (kind.report !== undefined) kinds.add(kind.report);
    scannerVersion ||= textAt(driver, 'semanticVersion') || textAt(driver, 'version');
    const context: Run = {
      what,
      report,
      tool: nameOf(tool),
      kind,
      rules: rulesOf(run),
      artifacts: objectsAt(run, 'artifacts'),
    };
    for (const [index, item] of results.entries()) {
      const result = fieldsOf(item);
      if (result === undefined) throw malformed(what, `result ${index} is no object`);
      const found = finding(context, result);
      if (found === undefined) continue;
      findings.push(found);
      if (kind.report === undefined) continue;
      if (found.kind === 'secret') kinds.add('secrets');
      if (found.kind === 'misconfiguration') kinds.add('iac');
    }
  }
  return {
    format: 'sarif',
    scanner: [...tools].join(', ') || 'sarif',
    ...(scannerVersion === '' ? undefined : { scannerVersion: oneLine(scannerVersion, 60) }),
    kinds: [...kinds],
    findings,
    subjects: [],
    ...(incomplete === undefined ? undefined : { incomplete }),
  };
}

/** The same tool in its own JSON and in SARIF is one source. */
function nameOf(tool: string): string {
  const lower = tool.toLowerCase();
  return lower === 'grype' || lower === 'trivy' || lower === 'osv-scanner' ? lower : tool;
}

/** The tool speaks for itself: a crash is told apart from a document that cannot be read. */
function failed(what: string, tool: string): GateError {
  return new GateError('SCANNER_FAILED', `Cannot use report ${what}: ${tool} says that its run failed`, {
    hint: 'Look at the log of the scanner, and scan again',
  });
}

/**
 * No list of results means that nothing was scanned, which is not the same as an empty one (section 3.14.23); something else in
 * its place is no answer.
 */
function resultsOf(what: string, tool: string, run: Fields): readonly unknown[] {
  const { results } = run;
  if (results !== undefined && results !== null && !Array.isArray(results))
    throw malformed(what, `the results of ${tool} are no list`);
  return results ?? [];
}

/** Why the run does not list what it found: it found nothing out, or keeps it in files that nobody handed over (section 3.15). */
function elsewhere(tool: string, run: Fields): string | undefined {
  if (objectsAt(objectAt(run, 'externalPropertyFileReferences'), 'results').length > 0)
    return `${tool} keeps results in other files`;
  return Array.isArray(run.results) ? undefined : `${tool} lists no results`;
}

/** A tool that says that it failed has not looked at everything, whatever it lists (section 3.20.14). */
function saysFailed(run: Fields): boolean {
  return objectsAt(run, 'invocations').some((invocation) => invocation.executionSuccessful === false);
}
