import type { SbomSubject } from '@paved/bom';
import { hashSubjects } from '@paved/bom/subject-files';
import type { Digest } from '@paved/digest';
import { buildVerdict, decide, type Inspection, type Policy, parseTime, type Verdict } from '@paved/gate';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { ScanGateError } from './error.js';
import { readDatabases, readInspection, readReports, readSboms, uncheckedPackages } from './evidence.js';
import { type EffectivePolicy, readPolicy } from './policy-source.js';

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
}

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
    policy: await readPolicy(
      {
        policy: inputs.policy,
        floor: inputs['policy-floor'],
        fromRepository: inputs['policy-from-repository'],
        token: inputs['github-token'],
      },
      context,
    ),
    environment: inputs.environment,
    branchProtected: inputs['branch-protected'] ?? context.runner.refProtected,
    asOf,
    at,
    maxAgeMs: inputs['max-age'],
  };
}

/** Documents in, verdict out; every document is bound to the released digests and young enough, or there is no verdict. */
export async function gate(options: GateOptions): Promise<Verdict> {
  const { asOf, maxAgeMs, inspection: folder } = options;
  const released = new Set(
    [...options.files, ...(options.subject ? [options.subject] : [])].map(({ digest }) => digest),
  );
  const limits = { asOf, maxAgeMs };
  const { components, documents } = await readSboms(options.sboms, released);
  const inspection: Inspection | undefined = folder === undefined ? undefined : await readInspection(folder);
  const reports = await readReports({ folder, inspection, paths: options.reports }, released, limits);
  const databases =
    folder === undefined || inspection === undefined
      ? { findings: [], kev: undefined, used: [] }
      : await readDatabases(folder, inspection, components, limits);
  const unchecked = uncheckedPackages(components, databases.used);
  const { kev } = databases;
  const decision = decide({
    findings: [...databases.findings, ...reports.findings],
    ...(kev === undefined ? {} : { kev }),
    unchecked: kev === undefined ? [...unchecked, { ecosystem: 'kev', packages: components.length }] : unchecked,
    policy: options.sboms.length === 0 ? withoutKev(options.policy.policy) : options.policy.policy,
    ...(options.environment === undefined ? {} : { environment: options.environment }),
    branchProtected: options.branchProtected,
    asOf,
  });
  return buildVerdict(decision, {
    ...(options.subject === undefined ? {} : { subject: options.subject }),
    files: options.files,
    components: components.length,
    policy: options.policy.used,
    databases: databases.used,
    documents: [...documents, ...reports.documents],
    ...(options.environment === undefined ? {} : { environment: options.environment }),
    branchProtected: options.branchProtected,
    asOf,
    at: options.at,
  });
}

/** Reports alone, without an SBOM, are no release: a missing catalogue is then said, and does not block. */
function withoutKev(policy: Policy): Policy {
  return { ...policy, notChecked: { allow: [...policy.notChecked.allow, 'kev'] } };
}
