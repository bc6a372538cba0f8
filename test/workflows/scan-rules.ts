import { namesEveryLeg } from './leg-rules.js';
import { action, eachJob, eachStep, holdsIdToken, type Rule, violation } from './rule.js';
import type { Job } from './workflow.js';

const ARTIFACT = `\${{ steps.artifact.outputs.path }}`;
const ASSEMBLED = `\${{ steps.layout.outputs.layout-path }}`;

/** A job that looks at the source itself: it checks the commit out, and builds and receives nothing. */
function looksAtSource(job: Job): boolean {
  const checksOut = job.steps.some(({ uses }) => uses?.startsWith('actions/checkout@') === true);
  const others = job.steps.some((step) => action(step) === 'hermetic-build' || step.with?.mode === 'receive');
  return checksOut && !others && !holdsIdToken(job);
}

/** Path of what is released: what was handed over, or what the layouts of all legs were put together to. */
function releasedPath(job: Job): string {
  const assembles = job.steps.find((step) => step.id === 'layout' && action(step) === 'assemble');
  return assembles?.with?.['legs-path'] === ARTIFACT ? ASSEMBLED : ARTIFACT;
}

/** What is scanned is what is released, and the gate can tell. */
export const scansNameWhatIsReleased: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) => {
    const path = action(step) === 'scan' ? step.with?.path : step.with?.['subjects-path'];
    if (looksAtSource(job)) {
      const isOther = action(step) === 'scan' && path !== `\${{ github.workspace }}`;
      return violation(0, where, 'does not look at the commit', isOther);
    }
    const looks = action(step) === 'scan' || (action(step) === 'scan-gate' && step.with?.mode === 'collect');
    return violation(0, where, 'does not look at what is released', looks && path !== releasedPath(job));
  });

/** Rules about the image are findings only where the machine that collects has the record of the build. */
export const imageRulesReachTheGate: Rule = (workflow) =>
  eachJob(workflow, (name, job) =>
    job.steps.flatMap((step, index) =>
      violation(
        0,
        `${name}.${step.id ?? index}`,
        'collects without the record of the build',
        action(step) === 'scan-gate' &&
          !looksAtSource(job) &&
          step.with?.mode === 'collect' &&
          !namesEveryLeg(step.with?.['build-record-path'], 'build-record', 'build-record.json', job),
      ),
    ),
  );
