import type { IsolationReport } from '@paved/attestation';
import type { ActionContext } from '@paved/runner-kit';
import type { ApiJob } from './build-jobs.js';
import type { JobClaims } from './job-claims.js';

export interface Stated {
  readonly builderId: string;
  readonly claims: JobClaims;
  readonly jobs: readonly ApiJob[];
  /** Absent where the build type says nothing of it. */
  readonly isolation: IsolationReport | undefined;
  readonly subjects: number;
}

/** Summary and event of what was stated; a build without isolation is never shown as an ordinary one. */
export function summarise(context: ActionContext, { builderId, claims, jobs, isolation, subjects }: Stated): void {
  if (isolation !== undefined && !isolation.hermetic) {
    context.log.warning(`The build was not hermetic (isolation: ${isolation.method}); the provenance says so`);
  }
  context.summary
    .heading('Provenance')
    .table(
      ['Field', 'Value', 'Vouched for by'],
      [
        ['Builder', builderId, 'oidc'],
        ['Source', `${claims.repository}@${claims.sha} (${claims.ref})`, 'oidc'],
        ['Event', claims.event_name, 'oidc'],
        ...jobs.map((job) => ['Job', `${job.name} on ${job.runner_name} (${job.runner_group_name})`, 'api']),
        ['Subjects', String(subjects), 'seal'],
        ['Isolation', isolationText(isolation), 'build'],
      ],
    );
  context.events.emit({
    stage: 'provenance',
    event: 'provenance-stated',
    builderId,
    repository: claims.repository,
    commit: claims.sha,
    subjects,
    hermetic: isolation?.hermetic ?? false,
    isolation: isolation?.method ?? 'not stated',
  });
}

function isolationText(isolation: IsolationReport | undefined): string {
  if (isolation === undefined) return 'not stated by this build type';
  return `${isolation.method}, ${isolation.hermetic ? 'hermetic' : 'not hermetic'}`;
}
