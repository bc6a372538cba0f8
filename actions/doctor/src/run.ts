import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ActionContext, type InputsOf, type OutputsOf, RefusalError } from '@paved/runner-kit';
import type { CheckResult, Subject } from './check.js';
import { CHECKS, repositoryDocument } from './checks.js';
import type { definition } from './definition.js';
import { DoctorError } from './error.js';
import { SettingsApi } from './settings-api.js';

type Inputs = InputsOf<typeof definition>;

const REPOSITORY = /^([A-Za-z0-9-]+)\/[A-Za-z0-9._-]+$/;

/** Asks every question, also after one has failed, and refuses when an answer is not good. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const subject = await examine(inputs, context);
  const checks: CheckResult[] = [];
  for (const check of CHECKS) checks.push(...(await check(subject)));
  const bad = checks.filter(({ outcome }) => outcome !== 'pass');
  const result = bad.length === 0 ? 'pass' : 'fail';
  const report = { mediaType: 'application/vnd.paved.doctor.v1+json', repository: subject.repository, result, checks };
  const path = join(await context.workDir(), 'doctor.json');
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  summarise(checks, context);
  const outputs = { result, 'report-path': path };
  if (bad.length === 0) return outputs;
  throw new RefusalError(
    'DOCTOR_FAILED',
    `Cannot vouch for "${subject.repository}": ${bad.length} checks did not pass`,
    {
      outputs,
      hint: bad.map(({ id, cure }) => `${id}: ${cure ?? ''}`).join('\n'),
    },
  );
}

async function examine(inputs: Inputs, { http }: ActionContext): Promise<Subject> {
  const { repository } = inputs;
  const owner = REPOSITORY.exec(repository)?.[1];
  if (owner === undefined) {
    throw new DoctorError('REPOSITORY_INVALID', `Cannot look at ${JSON.stringify(repository)}: it is not owner/name`, {
      hint: 'Give the repository as owner/name, without address',
    });
  }
  const api = new SettingsApi(http, inputs['api-url'], inputs['github-token']);
  const path = `/repos/${repository}`;
  const found = await api.read(path, repositoryDocument);
  if (found.$case !== 'found') {
    const state = found.$case === 'absent' ? 'the token sees no such repository' : found.why;
    throw new DoctorError('REPOSITORY_UNREADABLE', `Cannot look at "${repository}": ${state}`, {
      hint: 'Check the name, and that the token may read the repository and its settings',
    });
  }
  return {
    api,
    path,
    repository,
    owner,
    branch: found.value.default_branch,
    environment: inputs.environment,
    packages: inputs.packages ?? [],
    commitCount: inputs['commit-count'],
  };
}

function summarise(checks: readonly CheckResult[], { log, summary }: ActionContext): void {
  summary.heading('Doctor');
  summary.table(
    ['Check', 'Outcome', 'Detail', 'Cure'],
    checks.map(({ id, outcome, detail, cure }) => [id, outcome, detail, cure ?? '']),
  );
  for (const { id, outcome, detail } of checks) log.info(`${outcome.padEnd(7)} ${id}: ${detail}`);
}
