import { takesLegsOf } from './leg-rules.js';
import { action, eachJob, eachStep, holdsIdToken, type Rule, violation } from './rule.js';
import type { Job, Step } from './workflow.js';

/** A workflow of its own takes id and digest of one hand-over from its caller; never where a token can be minted. */
function isCallersHandover(step: Step, job: Job): boolean {
  const id = /^\$\{\{ inputs\.([a-z]+)-id \}\}$/.exec(step.with?.['artifact-id'] ?? '');
  return id !== null && !holdsIdToken(job) && step.with?.sha256 === `\${{ inputs.${id[1]}-sha256 }}`;
}

/**
 * What a refusing step wrote is handed over, or told to the owner, also then: showing it needs no success, and the job holds no
 * token. The condition is that the document is there, and nothing else.
 */
function passesOnWhatRefused(step: Step, job: Job): boolean {
  const found =
    /^\$\{\{ !cancelled\(\) && (steps\.[a-z]+\.outputs\.(?:verdict|receipt|record|state)-path) != '' \}\}$/.exec(
      step.if ?? '',
    );
  const document = `\${{ ${found?.[1]} }}`;
  const sends = action(step) === 'handoff' && step.with?.mode === 'send' && step.with.path === document;
  const keeps = action(step) === 'rescan' && step.with?.mode === 'record' && step.with['verdict-path'] === document;
  return found !== null && (sends || keeps) && !holdsIdToken(job);
}

/** Of the legs of a matrix that refused, the job after them has to tell: it decides nothing, and holds no token. */
function tellsOfEveryLeg(job: Job): boolean {
  const modes = job.steps.map((step) => `${action(step)} ${step.with?.mode}`);
  const allowed = ['handoff receive', 'handoff receive-all', 'handoff send', 'rescan notify'];
  const waits = job.if === `\${{ !cancelled() && needs.plan.result == 'success' }}`;
  return waits && !holdsIdToken(job) && modes.every((mode) => allowed.includes(mode));
}

/** Rule 3: a hand-over is received by id and digest out of a needed job's outputs. */
export const handoversByIdAndDigest: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) => {
    const isAll = action(step) === 'handoff' && step.with?.mode === 'receive-all';
    if (isAll) return violation(3, where, 'is received by name where a token can be minted', holdsIdToken(job));
    if (action(step) === 'handoff' && step.with?.mode === 'receive-legs') {
      return violation(3, where, 'does not take every leg of a needed job by id', !takesLegsOf(step, job, workflow));
    }
    if (action(step) !== 'handoff' || step.with?.mode !== 'receive') return [];
    if (isCallersHandover(step, job)) return [];
    const id = /^\$\{\{ needs\.([a-z]+)\.outputs\.([a-z]+)-id \}\}$/.exec(step.with['artifact-id'] ?? '');
    const digest = `\${{ needs.${id?.[1]}.outputs.${id?.[2]}-sha256 }}`;
    return [
      ...violation(
        3,
        where,
        'is not received by id from a needed job',
        id === null || job.needs?.includes(id[1] ?? '') !== true,
      ),
      ...violation(3, where, 'has no digest of the same hand-over', step.with.sha256 !== digest),
    ];
  });

/** Rule 4: every needed job succeeded, and nothing runs after a failure. */
export const onlyAfterSuccess: Rule = (workflow) => [
  ...eachJob(workflow, (name, job) => [
    ...violation(4, name, 'has a condition of its own', job.if !== undefined && !tellsOfEveryLeg(job)),
    ...violation(4, name, 'continues on error', job['continue-on-error'] !== undefined),
    ...violation(
      4,
      name,
      'does not pass the results of needed jobs',
      holdsIdToken(job) && !job.steps.some((step) => step.with?.['needs-results'] === `\${{ toJSON(needs) }}`),
    ),
    ...violation(
      4,
      name,
      'has no list of events',
      holdsIdToken(job) && !job.steps.some((step) => step.with?.['allowed-events'] !== undefined),
    ),
  ]),
  ...eachStep(workflow, (where, step, job) => [
    ...violation(4, where, 'has a condition of its own', step.if !== undefined && !passesOnWhatRefused(step, job)),
    ...violation(4, where, 'continues on error', step['continue-on-error'] !== undefined),
    ...violation(
      4,
      where,
      'ignores the result of the job it needs',
      ['receive', 'receive-legs'].includes(step.with?.mode ?? '') &&
        !isCallersHandover(step, job) &&
        !/^\$\{\{ needs\.[a-z]+\.result \}\}$/.test(step.with?.['needs-result'] ?? ''),
    ),
  ]),
];

/** Rule 4: a job keeps its outputs when it is not run again, so who decides over an inspection asks how old it is. */
export const inspectionIsYoung: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) =>
    violation(
      4,
      where,
      'takes an inspection of any age',
      holdsIdToken(job) &&
        step.with?.['artifact-id']?.includes('.outputs.inspection-id') === true &&
        (step.with['max-age'] === undefined || step.with.made !== `\${{ needs.inspect.outputs.inspection-made }}`),
    ),
  );

/** Rule 12: the fetch record leaves the machine before the first user instruction. */
export const recordLeavesBeforeUserCode: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    const build = job.steps.findIndex((step) => step.with?.phase === 'build');
    if (build === -1) return [];
    const sent = job.steps.findIndex(
      (step) => step.with?.mode === 'send' && step.with.path === `\${{ steps.fetch.outputs.record-path }}`,
    );
    return violation(12, name, 'hands over the fetch record after user code', sent === -1 || sent > build);
  });
