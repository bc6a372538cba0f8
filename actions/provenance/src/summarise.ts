import type { IsolationReport } from '@paved/attestation';
import type { ActionContext } from '@paved/runner-kit';
import type { ApiJob } from './build-jobs.js';
import type { JobClaims } from './job-claims.js';
import { tokenVoucher } from './vouchers.js';

export interface Stated {
  readonly builderId: string;
  readonly claims: JobClaims;
  readonly rehearsal: boolean;
  readonly jobs: readonly ApiJob[];
  /** Absent where the build type says nothing of it. */
  readonly isolation: IsolationReport | undefined;
  readonly subjects: number;
}

/** Summary and event of what was stated; a build without isolation is never shown as an ordinary one. */
export function summarise(context: ActionContext, stated: Stated): void {
  const { builderId, claims, jobs, isolation, subjects } = stated;
  const voucher = tokenVoucher(stated.rehearsal);
  if (isolation !== undefined && !isolation.hermetic) {
    context.log.warning(`The build was not hermetic (isolation: ${isolation.method}); the provenance says so`);
  }
  context.summary
    .heading(stated.rehearsal ? 'Provenance of a rehearsal' : 'Provenance')
    .table(
      ['Field', 'Value', 'Vouched for by'],
      [
        ['Builder', builderId, voucher],
        ['Source', `${claims.repository}@${claims.sha} (${claims.ref})`, voucher],
        ['Event', claims.event_name, voucher],
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
