import type { SbomSubject } from '@paved/bom';
import { hashSubjects } from '@paved/bom/subject-files';
import type { Digest } from '@paved/digest';
import {
  buildVerdict,
  type DecisionInput,
  decide,
  type Explanation,
  explain,
  type FixAdvice,
  fixAdvice,
  type Inspection,
  licenceFindings,
  type Policy,
  parseTime,
  type ReportKind,
  type Verdict,
  type VexContext,
} from '@paved/gate';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { ScanGateError } from './error.js';
import { readDatabases, readInspection, readSboms, uncheckedPackages } from './evidence.js';
import { type EffectivePolicy, type PolicyInputs, readPolicy } from './policy-source.js';
import { readFirstSeen } from './previous-verdict.js';
import { assertInspected, readReports } from './reports.js';
import { readVex } from './vex.js';

export interface GateOptions {
  readonly sboms: readonly string[];
  readonly reports: readonly string[];
  /** Folder of the inspection; undefined when only reports are judged. */
  readonly inspection: string | undefined;
  readonly subject: { readonly name: string; readonly digest: Digest } | undefined;
  readonly files: readonly SbomSubject[];
  readonly policy: EffectivePolicy;
  readonly environment: string | undefined;
  readonly branchProtected: boolean;
  readonly asOf: string;
  readonly at: string;
  readonly maxAgeMs: number;
  /** Whether the caller named an age; where something is released, it always holds. */
  readonly isAgeAsked: boolean;
  readonly vex: readonly string[];
  readonly trustedRoot: string | undefined;
  readonly branch: string | undefined;
  readonly event: string | undefined;
  readonly previousVerdict: string | undefined;
  /** Id to explain. */
  readonly explain: string | undefined;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly explanation: Explanation | undefined;
  readonly advice: readonly FixAdvice[];
}

const DEFAULT_MAX_AGE_MS = 7 * 86_400_000;

type Inputs = InputsOf<typeof definition>;

/** Everything that the decision depends on besides documents, read and checked before any of them. */
export async function gateOptions(
  inputs: Inputs,
  inspection: string | undefined,
  context: ActionContext,
): Promise<GateOptions> {
  const at = new Date().toISOString();
  const asOf = inputs['as-of'] ?? at;
  parseTime('as-of', asOf, 'POLICY_INVALID');
  const { 'subject-digest': digest, 'subject-name': name, 'subjects-path': path } = inputs;
  const { sboms = [], reports = [] } = inputs;
  if (sboms.length === 0 && reports.length === 0) {
    throw new ScanGateError('NOTHING_TO_JUDGE', 'Cannot decide: there is no SBOM and no report', {
      hint: 'Set sboms to the documents of the sbom action, or reports to those of a scanner',
    });
  }
  const files = path === undefined ? [] : await hashSubjects(path);
  if (sboms.length > 0 && digest === undefined && files.length === 0) {
    throw new ScanGateError('SUBJECT_MISSING', 'Cannot decide: nothing is named that the SBOMs are about', {
      hint: 'Set subjects-path to the released files, or subject-digest to the digest of the image',
    });
  }
  return {
    sboms,
    reports,
    inspection,
    subject: digest === undefined ? undefined : { name: name ?? context.runner.repository, digest },
    files,
    policy: await readPolicy(policyInputs(inputs), context),
    environment: inputs.environment,
    branchProtected: inputs['branch-protected'] ?? context.runner.refProtected,
    asOf,
    at,
    maxAgeMs: inputs['max-age'] ?? DEFAULT_MAX_AGE_MS,
    isAgeAsked: inputs['max-age'] !== undefined,
    vex: inputs.vex ?? [],
    trustedRoot: inputs['trusted-root'],
    branch: inputs.branch ?? context.runner.optional('baseRef') ?? context.runner.optional('refName'),
    event: context.runner.optional('eventName'),
    previousVerdict: inputs['previous-verdict'],
    explain: inputs.explain,
  };
}

export function policyInputs(inputs: Inputs): PolicyInputs {
  return {
    policy: inputs.policy,
    floor: inputs['policy-floor'],
    fromRepository: inputs['policy-from-repository'],
    token: inputs['github-token'],
  };
}

/** Documents in, verdict out; every document is bound to the released digests and young enough, or there is no verdict. */
export async function gate(options: GateOptions): Promise<Judgement> {
  const { asOf, maxAgeMs, inspection: folder, branch, event, environment } = options;
  const released = new Set(
    [...options.files, ...(options.subject ? [options.subject] : [])].map(({ digest }) => digest),
  );
  const limits = { asOf, at: options.at, maxAgeMs, isStrict: options.isAgeAsked || released.size > 0 };
  const { components, documents, graph, serials } = await readSboms(options.sboms, released);
  const inspection: Inspection | undefined = folder === undefined ? undefined : await readInspection(folder);
  assertInspected(inspection, options.files, released);
  const reports = await readReports({ folder, inspection, paths: options.reports }, released, limits);
  const databases =
    folder === undefined || inspection === undefined
      ? { findings: [], kev: undefined, epss: undefined, used: [] }
      : await readDatabases(folder, inspection, components, limits);
  const unchecked = [...uncheckedPackages(components, databases.used), ...reports.unchecked];
  const { policy: effective } = options.policy;
  const { trustedRoot } = options;
  const vex = await readVex(options.vex, options.policy.vex, serials, {
    signers: effective.vex.signers,
    trustedRoot,
    released,
  });
  const previous = options.previousVerdict === undefined ? undefined : await readFirstSeen(options.previousVerdict);
  const policy = options.sboms.length === 0 && released.size === 0 ? withoutKev(effective) : effective;
  const { kev, epss } = databases;
  const input: DecisionInput = {
    findings: [...databases.findings, ...reports.findings, ...licenceFindings(components, policy)],
    ...(kev === undefined ? {} : { kev }),
    ...(epss === undefined ? {} : { epss }),
    ...(vex.statements.length === 0
      ? {}
      : { vex: { statements: vex.statements, context: vexContext(options, graph) } }),
    unchecked: [
      ...unchecked,
      ...(kev === undefined ? [{ ecosystem: 'kev', packages: components.length }] : []),
      // A rule over scores that nobody has is not met: it is not checked.
      ...(epss === undefined && policy.epss !== undefined ? [{ ecosystem: 'epss', packages: components.length }] : []),
    ],
    policy,
    ...(environment === undefined ? {} : { environment }),
    ...(branch === undefined ? {} : { branch }),
    ...(event === undefined ? {} : { event }),
    branchProtected: options.branchProtected,
    reportKinds: kindsOf(options.sboms, databases.used, reports.kinds),
    ...(previous === undefined ? {} : { firstSeen: previous.firstSeen }),
    asOf,
  };
  const decision = decide(input);
  const verdict = buildVerdict(decision, {
    ...(options.subject === undefined ? {} : { subject: options.subject }),
    files: options.files,
    components: components.length,
    policy: options.policy.used,
    databases: databases.used,
    documents: [...documents, ...reports.documents, ...vex.documents, ...(previous?.documents ?? [])],
    ...(environment === undefined ? {} : { environment }),
    branchProtected: options.branchProtected,
    asOf,
    at: options.at,
  });
  return {
    verdict,
    explanation: options.explain === undefined ? undefined : explain(input, options.explain),
    advice: fixAdvice(decision.findings, graph),
  };
}

function kindsOf(
  sboms: readonly string[],
  databases: Verdict['databases'],
  reports: readonly ReportKind[],
): readonly ReportKind[] {
  const matched = sboms.length > 0 && databases.some(({ kind }) => kind === 'osv');
  return [
    ...new Set([...reports, ...(sboms.length > 0 ? (['sbom'] as const) : []), ...(matched ? (['sca'] as const) : [])]),
  ];
}

/** The artifact by its digests, in every spelling that statements use. */
function vexContext({ subject, files }: GateOptions, graph: VexContext['graph'] | undefined): VexContext {
  const subjects = [...files, ...(subject ? [subject] : [])].flatMap(({ name, digest }) => {
    const repository = name.slice(0, Math.max(name.lastIndexOf('/'), 0)).toLowerCase();
    const short = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
    const purl = `pkg:oci/${encodeURIComponent(short)}@${encodeURIComponent(digest)}`;
    const located = repository === '' ? [] : [`${purl}?repository_url=${encodeURIComponent(`${repository}/${short}`)}`];
    return [digest, digest.slice(digest.indexOf(':') + 1), `${name}@${digest}`, purl, ...located];
  });
  return { subjects, ...(graph === undefined ? {} : { graph }) };
}

/** Reports alone, about nothing that is named, are no release: a missing catalogue is then said, and does not block. */
function withoutKev(policy: Policy): Policy {
  return { ...policy, notChecked: { allow: [...policy.notChecked.allow, 'kev'] } };
}
