import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AttestationError,
  buildProvenance,
  digestSetOf,
  encodeStatement,
  parseChecksums,
  type Statement,
  type Subject,
  splitSubjects,
  withSubjects,
} from '@paved/attestation';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { type ApiJob, fetchJobs, selectBuildJobs } from './build-jobs.js';
import { claimsDocument } from './claims-document.js';
import type { definition } from './definition.js';
import { ProvenanceError } from './error.js';
import { buildGitHubWorkflowPredicate } from './github-workflow-predicate.js';
import { assertClaims, type JobClaims } from './job-claims.js';
import { PROVENANCE_AUDIENCE, verifyJobToken } from './job-token.js';
import { type BuildLeg, readBuildLegs, weakestIsolation } from './legs.js';
import { assertNeeds } from './needs-results.js';
import { builderIdOf, buildPredicate } from './predicate.js';
import { assertSource } from './records.js';
import { rehearsedClaims, rehearsedHead } from './rehearsal.js';
import { assertReleaseConditions, isProtected } from './release-conditions.js';
import { collectByproducts, collectSubjects } from './subjects.js';
import { summarise } from './summarise.js';
import { parseTools } from './tools.js';
import { parseWorkflowInputs } from './workflow-inputs.js';

type Inputs = InputsOf<typeof definition>;

/** Checks first (rules 4, 5 and 7), describes last: nothing is written for a build that is not what the token says. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  assertNeeds(inputs['needs-results']);
  const records = inputs['build-type'] === 'release-artifact' ? requireRecords(inputs) : undefined;
  const workflowInputs = records === undefined ? {} : parseWorkflowInputs(records.workflowInputs);
  const tools = parseTools(inputs.tools);
  const { rehearsal } = inputs;
  const claims = rehearsal ? rehearsedClaims(inputs, context.runner) : await verifiedClaims(inputs, context);
  assertConditions(inputs, context, claims);
  const { serverUrl } = context.runner;
  const legs = records === undefined ? [] : await readBuildLegs(records, inputs.platforms ?? []);
  for (const { fetch } of legs) assertSource(fetch.manifest, serverUrl, claims.repository, claims.sha);
  const jobs = await buildJobs(inputs, context, claims);
  assertJobPerLeg(jobs, legs);
  const subjects = await subjectsOf(inputs);
  const predicate =
    records === undefined
      ? buildGitHubWorkflowPredicate(serverUrl, claims)
      : buildPredicate({
          serverUrl,
          claims,
          rehearsal,
          refProtected: isProtected(claims, context.runner.refProtected),
          selfHostedAllowed: inputs['allow-self-hosted'],
          workflowInputs,
          jobs,
          legs,
          tools,
          byproducts: await collectByproducts(inputs.byproducts ?? []),
          actionRef: context.runner.optional('actionRef'),
        });
  const statements = splitSubjects(buildProvenance(subjects, predicate));
  const folder = await context.workDir();
  const paths = await writeStatements(folder, statements);
  const claimsPath = join(folder, 'claims.json');
  await writeFile(claimsPath, `${JSON.stringify(claimsDocument(claims, rehearsal), null, 2)}\n`, { flag: 'wx' });
  const builderId = builderIdOf(serverUrl, claims, rehearsal);
  summarise(context, {
    builderId,
    claims,
    rehearsal,
    jobs,
    isolation: legs.length === 0 ? undefined : weakestIsolation(legs),
    subjects: subjects.length,
  });
  return { 'statement-path': paths.join('\n'), 'claims-path': claimsPath, 'builder-id': builderId };
}

interface Records {
  readonly fetchPath: string;
  readonly buildPath: string;
  readonly workflowInputs: string;
}

/** What the build type of the road is made of besides the token. */
function requireRecords(inputs: Inputs): Records {
  const fetchPath = inputs['fetch-record-path'];
  const buildPath = inputs['build-record-path'];
  const workflowInputs = inputs['workflow-inputs'];
  if (fetchPath !== undefined && buildPath !== undefined && workflowInputs !== undefined) {
    return { fetchPath, buildPath, workflowInputs };
  }
  throw new ProvenanceError(
    'INPUT_INVALID',
    'Cannot describe this build: fetch-record-path, build-record-path and workflow-inputs are needed together',
    { hint: "Pass all three, or set build-type to github-workflow for GitHub's own build type" },
  );
}

async function verifiedClaims(inputs: Inputs, context: ActionContext): Promise<JobClaims> {
  const { runner } = context;
  const issuer = inputs['oidc-issuer'].href.replace(/\/$/, '');
  const claims = await verifyJobToken(context.http, issuer, await context.idToken(PROVENANCE_AUDIENCE));
  assertClaims(claims, {
    repository: runner.repository,
    repositoryId: runner.repositoryId,
    ownerId: runner.ownerId,
    sha: runner.sha,
    ref: runner.ref,
    runId: runner.runId,
    runAttempt: runner.runAttempt,
    eventName: runner.eventName,
    runnerEnvironment: runner.runnerEnvironment,
    workflowPath: inputs['expected-workflow-path'],
    workflowSha: inputs['expected-workflow-sha'],
  });
  return claims;
}

/** What a release is held to, a rehearsal is held to as well, with the events of its own workflow. */
function assertConditions(inputs: Inputs, { runner }: ActionContext, claims: JobClaims): void {
  assertReleaseConditions(claims, {
    allowedEvents: inputs['allowed-events'].flatMap((line) => line.split(/\s+/)),
    requireProtectedRef: inputs['require-protected-ref'],
    contextProtected: runner.refProtected,
  });
  if (claims.runner_environment !== 'github-hosted' && !inputs['allow-self-hosted']) {
    throw new ProvenanceError(
      'RUNNER_NOT_HOSTED',
      'Cannot describe this build: this job runs on a self-hosted runner',
      {
        hint: 'Run it on a GitHub-hosted runner, or set allow-self-hosted, which the provenance will state',
      },
    );
  }
}

async function buildJobs(inputs: Inputs, context: ActionContext, claims: JobClaims): Promise<readonly ApiJob[]> {
  const address = {
    apiUrl: context.runner.apiUrl,
    repository: claims.repository,
    runId: claims.run_id,
    runAttempt: claims.run_attempt,
  };
  return selectBuildJobs(await fetchJobs(context.http, address, inputs['github-token']), {
    buildJobs: inputs['build-jobs'],
    runId: claims.run_id,
    sha: inputs.rehearsal ? await rehearsedHead(context.runner) : claims.sha,
    ownJobId: claims.check_run_id,
    allowSelfHosted: inputs['allow-self-hosted'],
    hostedRunnerGroups: inputs['hosted-runner-groups'],
  });
}

/** Each leg is a job of its own, so fewer jobs than legs were not all looked up. */
function assertJobPerLeg(jobs: readonly ApiJob[], legs: readonly BuildLeg[]): void {
  if (jobs.length >= legs.length) return;
  throw new ProvenanceError('JOB_NOT_FOUND', `Cannot find a job for each of the ${legs.length} legs of the build`, {
    hint: 'Name the job of every leg in build-jobs, as the reusable workflow names it',
  });
}

async function subjectsOf(inputs: Inputs): Promise<readonly Subject[]> {
  const [folder, name, digest] = [inputs['subjects-path'], inputs['image-name'], inputs['image-digest']];
  if ((name === undefined) !== (digest === undefined)) {
    throw new ProvenanceError('INPUT_INVALID', 'Cannot name the image: image-name and image-digest go together', {
      hint: 'Set both, or neither',
    });
  }
  const files = folder === undefined ? [] : await collectSubjects(folder);
  if ((folder !== undefined && files.length === 0) || (folder === undefined && name === undefined)) {
    throw new ProvenanceError('SUBJECTS_MISSING', 'Cannot describe this build: it has no outputs', {
      hint: 'Check subjects-path, and that the build leaves files where output-path says',
    });
  }
  const subjects = withSubjects(files, listedSubjects(inputs.checksums));
  return name === undefined || digest === undefined ? subjects : [...subjects, { name, digest: digestSetOf(digest) }];
}

/** What an earlier step of this job computed digests of, and no folder holds. */
function listedSubjects(checksums: string | undefined): readonly Subject[] {
  if (checksums === undefined) return [];
  try {
    return parseChecksums(checksums);
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new ProvenanceError('INPUT_INVALID', 'Cannot read checksums: it is not in the form of SHA256SUMS', {
      cause,
      hint: 'Give the checksums-path of push in mode layout, or a file as sha256sum writes it',
    });
  }
}

async function writeStatements(folder: string, statements: readonly Statement[]): Promise<readonly string[]> {
  return await Promise.all(
    statements.map(async (statement, index) => {
      const path = join(folder, index === 0 ? 'provenance.intoto.json' : `provenance-${index + 1}.intoto.json`);
      await writeFile(path, encodeStatement(statement), { flag: 'wx' });
      return path;
    }),
  );
}
