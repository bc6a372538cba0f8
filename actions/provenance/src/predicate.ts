import {
  type IsolationReport,
  type ProvenancePredicate,
  REHEARSAL_SUFFIX,
  RELEASE_ARTIFACT_BUILD_TYPE,
  type ResourceDescriptor,
} from '@paved/attestation';
import type { FetchManifest } from '@paved/bom/fetch-manifest';
import { canonicalJson } from '@paved/json';
import { type ApiJob, buildTimes } from './build-jobs.js';
import { type JobClaims, splitWorkflowRef } from './job-claims.js';
import { type BuildLeg, legByproducts, weakestIsolation, wholeBuild } from './legs.js';
import type { Tool } from './tools.js';
import { tokenVoucher, VOUCHERS } from './vouchers.js';

/** Everything a predicate is made of, already checked. */
export interface BuildFacts {
  readonly serverUrl: string;
  readonly claims: JobClaims;
  /** The claims are the runner's own words, and no release may come of this. */
  readonly rehearsal: boolean;
  readonly refProtected: boolean;
  readonly selfHostedAllowed: boolean;
  readonly workflowInputs: Readonly<Record<string, unknown>>;
  readonly jobs: readonly ApiJob[];
  /** One for each machine that built. */
  readonly legs: readonly BuildLeg[];
  readonly tools: readonly Tool[];
  readonly byproducts: readonly ResourceDescriptor[];
  /** Ref of the action that states this, where the runner names one. */
  readonly actionRef: string | undefined;
}

export function builderIdOf(serverUrl: string, claims: JobClaims, rehearsal: boolean): string {
  return `${serverUrl}/${claims.job_workflow_ref}${rehearsal ? REHEARSAL_SUFFIX : ''}`;
}

/** Pure: the same facts give the same predicate. */
export function buildPredicate(facts: BuildFacts): ProvenancePredicate {
  const { serverUrl, claims } = facts;
  return {
    buildDefinition: {
      buildType: RELEASE_ARTIFACT_BUILD_TYPE,
      externalParameters: externalParameters(facts),
      internalParameters: internalParameters(facts),
      resolvedDependencies: resolvedDependencies(facts),
    },
    runDetails: {
      builder: {
        id: builderIdOf(serverUrl, claims, facts.rehearsal),
        version: {
          workflow: claims.job_workflow_sha,
          ...(facts.actionRef === undefined ? {} : { action: facts.actionRef }),
        },
      },
      metadata: {
        invocationId: `${serverUrl}/${claims.repository}/actions/runs/${claims.run_id}/attempts/${claims.run_attempt}`,
        ...buildTimes(facts.jobs),
      },
      byproducts: [...facts.byproducts, ...facts.legs.flatMap(legByproducts)],
    },
  };
}

function externalParameters({ serverUrl, claims, workflowInputs }: BuildFacts): Record<string, unknown> {
  const { path, ref } = splitWorkflowRef(claims.workflow_ref);
  const [owner, name, ...file] = path.split('/');
  return {
    source: { repository: `${serverUrl}/${claims.repository}`, ref: claims.ref },
    workflow: { repository: `${serverUrl}/${owner}/${name}`, path: file.join('/'), ref },
    inputs: workflowInputs,
  };
}

function internalParameters(facts: BuildFacts): Record<string, unknown> {
  const { claims, legs } = facts;
  return {
    github: {
      event_name: claims.event_name,
      repository_id: claims.repository_id,
      repository_owner_id: claims.repository_owner_id,
      run_id: claims.run_id,
      run_attempt: claims.run_attempt,
      runner_environment: claims.runner_environment,
      ...optionalClaims(claims),
    },
    refProtected: facts.refProtected,
    selfHostedAllowed: facts.selfHostedAllowed,
    ...(facts.rehearsal ? { rehearsal: true } : {}),
    jobs: facts.jobs,
    ...machineParameters(weakestIsolation(legs), wholeBuild(legs)),
    ...(isMatrix(legs) ? { legs: legs.map(legParameters) } : {}),
    ...patchParameters(legs),
    vouchers: vouchersOf(facts),
  };
}

function isMatrix(legs: readonly BuildLeg[]): boolean {
  return legs.some(({ leg }) => leg !== undefined);
}

/** What each machine patched; the files that it downloaded are in the document itself, a byproduct. */
function patchParameters(legs: readonly BuildLeg[]): Record<string, unknown> {
  const patches = legs.flatMap(({ fetch }) => (fetch.patches === undefined ? [] : [fetch.patches]));
  if (patches.length === 0) return {};
  return { patches: patches.map(({ mediaType: _, downloads: _d, ...patch }) => ({ voucher: 'build', ...patch })) };
}

function legParameters({ leg, fetch, build }: BuildLeg): Record<string, unknown> {
  return { platform: leg?.platform, ...machineParameters(fetch.isolation, build.record) };
}

function machineParameters(
  { mediaType: _, ...isolation }: IsolationReport,
  { command, exitStatus, startedOn, finishedOn }: ReturnType<typeof wholeBuild>,
): Record<string, unknown> {
  return {
    isolation: { voucher: 'build', ...isolation },
    build: { voucher: 'build', command, exitStatus, startedOn, finishedOn },
  };
}

function optionalClaims(claims: JobClaims): Record<string, string> {
  const names = ['actor_id', 'environment', 'repository_visibility', 'workflow_sha'] as const;
  return Object.fromEntries(names.flatMap((name) => (claims[name] === undefined ? [] : [[name, claims[name]]])));
}

/** A server that sends no `ref_protected` claim leaves the word of the runner. */
function vouchersOf({ claims, rehearsal, legs }: BuildFacts): Record<string, string> {
  const parameters = '/buildDefinition/internalParameters';
  const all = {
    ...VOUCHERS,
    ...(isMatrix(legs) ? { [`${parameters}/legs`]: 'build' } : {}),
    ...(legs.some(({ fetch }) => fetch.patches !== undefined) ? { [`${parameters}/patches`]: 'build' } : {}),
  };
  if (rehearsal) {
    const entries = Object.entries(all).map(([pointer, name]) => [pointer, name === 'oidc' ? 'rehearsal' : name]);
    return { ...Object.fromEntries(entries), [`${parameters}/rehearsal`]: 'seal' };
  }
  if (claims.ref_protected !== undefined) return all;
  return { ...all, [`${parameters}/refProtected`]: 'seal' };
}

function resolvedDependencies(facts: BuildFacts): readonly ResourceDescriptor[] {
  const { serverUrl, claims, tools } = facts;
  const voucher = tokenVoucher(facts.rehearsal);
  const workflow = splitWorkflowRef(claims.job_workflow_ref);
  const workflowRepository = workflow.path.split('/').slice(0, 2).join('/');
  return [
    dependency(voucher, `git+${serverUrl}/${claims.repository}@${claims.ref}`, { gitCommit: claims.sha }),
    dependency(voucher, `git+${serverUrl}/${workflowRepository}@${workflow.ref}`, {
      gitCommit: claims.job_workflow_sha,
    }),
    ...unique(facts.legs.flatMap(({ fetch }) => lockfilesOf(fetch.manifest))),
    ...unique(facts.legs.flatMap(({ fetch }) => packagesOf(fetch.manifest))),
    ...tools.map(
      ({ name, version, platform, url, sha256 }): ResourceDescriptor => ({
        uri: url ?? `pkg:generic/${encodeURIComponent(name)}@${encodeURIComponent(version)}`,
        name: platform === undefined ? `${name} ${version}` : `${name} ${version} (${platform})`,
        digest: { sha256 },
        annotations: { voucher: 'seal' },
      }),
    ),
  ];
}

function lockfilesOf({ lockfiles }: FetchManifest): readonly ResourceDescriptor[] {
  return lockfiles.map(({ path, sha256 }) => ({ name: path, digest: { sha256 }, annotations: { voucher: 'build' } }));
}

/** One package may be another archive on another platform; then both are there. */
function packagesOf({ packages }: FetchManifest): readonly ResourceDescriptor[] {
  return packages.map(({ purl, digests, lockDigest }) => ({
    uri: purl,
    digest: { ...digests },
    annotations: { voucher: 'build', lockDigest },
  }));
}

/** What several legs fetched is there once. */
function unique(found: readonly ResourceDescriptor[]): readonly ResourceDescriptor[] {
  return [...new Map(found.map((one) => [canonicalJson(one), one])).values()];
}

function dependency(voucher: string, uri: string, digest: Readonly<Record<string, string>>): ResourceDescriptor {
  return { uri, digest, annotations: { voucher } };
}
