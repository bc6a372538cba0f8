import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildStatement, digestSetOf, encodeStatement, PREDICATE_TYPES, splitSubjects } from '@paved/attestation';
import { hashSubjects } from '@paved/bom/subject-files';
import { countBySeverity, type Explanation, isBlocking, thresholdTable, type Verdict } from '@paved/gate';
import { type ActionContext, type InputsOf, type OutputsOf, RefusalError } from '@paved/runner-kit';
import { readBuild } from './build-record.js';
import { type CollectMore, collect } from './collect.js';
import type { definition } from './definition.js';
import { ScanGateError } from './error.js';
import { gate, gateOptions, policyInputs } from './gate.js';
import { readPolicy } from './policy-source.js';
import { placeOf, reasonOf, summarise } from './summarise.js';
import { summariseAdvice, summariseExplanation } from './summarise-explanation.js';

type Inputs = InputsOf<typeof definition>;
type Outputs = OutputsOf<typeof definition>;

const NAMED_FINDINGS = 5;

/**
 * Collects, or decides; a refusing verdict is written before the step fails with `GATE_BLOCKED`.
 * @param workerPath file that a thread for rule modules starts with
 */
export async function run(inputs: Inputs, context: ActionContext, workerPath = ''): Promise<Outputs> {
  if (inputs.mode === 'collect') return { 'inspection-path': await collectAll(inputs, context, workerPath) };
  if (inputs.mode === 'table') return { 'thresholds-path': await writeThresholds(inputs, context) };
  if (inputs['scans-path'] !== undefined) {
    throw new ScanGateError('INPUT_INVALID', 'Cannot decide over a scan as it is: it has to be collected first', {
      hint: 'Give scans-path in mode collect, and its inspection-path here',
    });
  }
  if (inputs.rules !== undefined || inputs['build-record-path'] !== undefined) {
    throw new ScanGateError('INPUT_INVALID', 'Cannot decide by rules of others: they run where nothing is signed', {
      hint: 'Give rules and build-record-path in mode collect, and its inspection-path here',
    });
  }
  // Used alone, one step does both; in the road the inspection comes from another machine and nothing is downloaded here.
  const ownSources = [inputs['osv-database'], inputs.kev, inputs.epss].some((source) => source !== undefined);
  if (ownSources && inputs['inspection-path'] !== undefined) {
    throw new ScanGateError('INPUT_INVALID', 'Cannot choose the databases: inspection-path stands beside others', {
      hint: 'Give either inspection-path, or osv-database, kev and epss',
    });
  }
  const inspection = inputs['inspection-path'] ?? (ownSources ? await collectInto(inputs, [], context) : undefined);
  const options = await gateOptions(inputs, inspection, context);
  context.log.info(`Deciding as of ${options.asOf}`);
  const { verdict, explanation, advice } = await gate(options);
  const folder = await context.workDir();
  const outputs = { ...(await writeVerdict(verdict, folder)), ...(await writeExplanation(explanation, folder)) };
  summarise(verdict, context);
  summariseAdvice(advice, context);
  if (explanation !== undefined) summariseExplanation(explanation, context);
  emit(verdict, context);
  if (verdict.verdict === 'pass') return outputs;
  throw new RefusalError('GATE_BLOCKED', `Cannot release: ${blockers(verdict)}`, {
    outputs,
    hint: 'Update what has a fix; what has none needs an exception with owner, reason and end (docs/policy.md)',
  });
}

/** The table that SECURITY.md shows: of the policy that would decide, floor included. */
async function writeThresholds(inputs: Inputs, context: ActionContext): Promise<string> {
  const { policy } = await readPolicy(policyInputs(inputs), context);
  const table = thresholdTable(policy);
  const path = join(await context.workDir(), 'thresholds.md');
  await writeFile(path, table, { flag: 'wx' });
  for (const line of table.trim().split('\n')) context.log.info(line);
  return path;
}

/** Everything that a decision elsewhere needs: databases, reports, and what the rules say about them. */
async function collectAll(inputs: Inputs, context: ActionContext, workerPath: string): Promise<string> {
  const { 'build-record-path': records = [], rules = [], sboms = [] } = inputs;
  const builds = await Promise.all(records.map(readBuild));
  const reports = [...(inputs.reports ?? []), ...builds.flatMap((build) => build.reports)];
  return await collectInto(inputs, reports, context, async (folder, found) => {
    if (rules.length === 0) return [];
    const evidence = {
      subject: inputs['subject-digest'],
      found,
      sboms,
      buildRecords: builds.map(({ record }) => record),
    };
    // Loaded late: few have rules of their own, and start-up is what every run pays.
    const { writeRulesReport } = await import('./rego/write-rules-report.js');
    return [await writeRulesReport(folder, rules, evidence, workerPath)];
  });
}

async function collectInto(
  inputs: Inputs,
  reports: readonly string[],
  context: ActionContext,
  more: CollectMore = async () => [],
): Promise<string> {
  const folder = await context.workDir();
  const { kev, epss, 'subject-digest': subject, 'subjects-path': released, 'scans-path': scans } = inputs;
  const subjects = released === undefined ? undefined : (await hashSubjects(released)).map(({ digest }) => digest);
  await collect(
    folder,
    {
      osvDatabases: inputs['osv-database'] ?? [],
      ...(kev === undefined ? {} : { kev }),
      ...(epss === undefined ? {} : { epss }),
      reports,
      ...(scans === undefined ? {} : { scans }),
      ...(subject === undefined ? {} : { subject }),
      ...(subjects === undefined ? {} : { subjects: [...new Set(subjects)] }),
      maxDatabaseBytes: inputs['max-database-bytes'],
    },
    context,
    more,
  );
  return folder;
}

type Written = Record<'verdict' | 'verdict-path', string> & Partial<Record<'statement-path', string>>;

async function writeVerdict(verdict: Verdict, folder: string): Promise<Written> {
  const path = join(folder, 'verdict.json');
  await writeFile(path, `${JSON.stringify(verdict, null, 2)}\n`, { flag: 'wx' });
  const released = [...(verdict.subject === undefined ? [] : [verdict.subject]), ...verdict.files];
  const outputs = { verdict: verdict.verdict, 'verdict-path': path };
  if (released.length === 0) return outputs;
  const subjects = released.map(({ name, digest }) => ({ name, digest: digestSetOf(digest) }));
  const statement = buildStatement({ predicateType: PREDICATE_TYPES.verdict, subjects, predicate: verdict });
  const paths: string[] = [];
  for (const [index, part] of splitSubjects(statement).entries()) {
    const file = join(folder, index === 0 ? 'verdict.intoto.json' : `verdict-${index + 1}.intoto.json`);
    await writeFile(file, encodeStatement(part), { flag: 'wx' });
    paths.push(file);
  }
  return { ...outputs, 'statement-path': paths.join('\n') };
}

async function writeExplanation(
  explanation: Explanation | undefined,
  folder: string,
): Promise<Partial<Record<'explanation-path', string>>> {
  if (explanation === undefined) return {};
  const path = join(folder, 'explanation.json');
  await writeFile(path, `${JSON.stringify(explanation, null, 2)}\n`, { flag: 'wx' });
  return { 'explanation-path': path };
}

/** The worst few, for the one line that everybody reads; every text of others is bounded. */
function blockers(verdict: Verdict): string {
  const blocking = verdict.findings.filter(isBlocking);
  const named = blocking.slice(0, NAMED_FINDINGS).map((finding) => {
    const place = placeOf(finding).filter((part) => part !== '');
    return `${finding.id} in ${place.join(' ')} (${reasonOf(finding)})`.slice(0, 300);
  });
  const more = blocking.length > NAMED_FINDINGS ? [`${blocking.length - NAMED_FINDINGS} more`] : [];
  const unchecked = verdict.unchecked.filter(({ allowed }) => !allowed).map(uncheckedClause);
  const missing = verdict.missingReports.map((kind) => `no ${kind} report was given`);
  const limits = verdict.rules.filter(({ id, outcome }) => id === 'count' && outcome === 'fail');
  const above = limits.map(({ open }) => `${open} findings more than the policy allows`);
  return [...named, ...more, ...missing, ...above, ...unchecked].join('; ');
}

function emit(verdict: Verdict, { events }: ActionContext): void {
  const { components, blocking, suppressed, kev } = verdict.counts;
  events.emit({
    stage: 'gate',
    event: 'verdict-reached',
    verdict: verdict.verdict,
    components,
    blocking,
    suppressed,
    kev,
    findings: countBySeverity(verdict.findings),
    asOf: verdict.asOf,
  });
}

/** Evidence that is there and does not tell everything has a name with its kind; everything else is an ecosystem. */
function uncheckedClause({ ecosystem, packages }: Verdict['unchecked'][number]): string {
  return /^(?:report|database):/.test(ecosystem)
    ? `${ecosystem.replace(':', ' ')} is too old or incomplete`
    : `${ecosystem} is not checked (${packages} packages)`;
}
