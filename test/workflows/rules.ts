import {
  handoversByIdAndDigest,
  inspectionIsYoung,
  onlyAfterSuccess,
  recordLeavesBeforeUserCode,
} from './handover-rules.js';
import { LEG_RULES } from './leg-rules.js';
import { action, eachJob, eachStep, holdsIdToken, position, type Rule, type Violation, violation } from './rule.js';
import { imageRulesReachTheGate, scansNameWhatIsReleased } from './scan-rules.js';
import { callersNameNoAddress, claimsAreExpected, policyComesFromTheBase, trustIsRendered } from './trust-rules.js';
import type { Step, Workflow } from './workflow.js';

export type { Violation } from './rule.js';

const REHEARSAL_INPUTS = ['rehearsal', 'allow-rehearsal', 'throw-away-key'];
const PINNED = /^[^@]+@[0-9a-f]{40}$/;

/** Rule 1: where a token can be minted, only our own code runs. */
const onlyPavedStepsBesideTheToken: Rule = (workflow) =>
  eachJob(workflow, (name, job) =>
    holdsIdToken(job)
      ? [
          ...violation(
            1,
            name,
            'has a container or services',
            job.container !== undefined || job.services !== undefined,
          ),
          ...job.steps.flatMap((step, index) => [
            ...violation(1, `${name}.${index}`, 'is a run step', step.run !== undefined),
            ...violation(1, `${name}.${index}`, 'is not an own action', action(step) === undefined),
            ...violation(
              1,
              `${name}.${index}`,
              'may start third-party tools',
              ['hermetic-build', 'sbom', 'scan'].includes(action(step) ?? ''),
            ),
          ]),
        ]
      : [],
  );

/** Rule 2: statements never come out of a hand-over; `sign` takes them from this job's own builders. */
const statementsAreMadeInSeal: Rule = (workflow) =>
  eachStep(workflow, (where, step) => {
    const sources = step.with?.statements?.split('\n').filter((line) => line.trim() !== '') ?? [];
    return sources.flatMap((source) =>
      violation(
        2,
        where,
        `takes ${source}`,
        !/^\$\{\{ steps\.(provenance|gate|verify)\.outputs\.(statement|vsa)-path \}\}$/.test(source.trim()),
      ),
    );
  });

/** Rule 6: two runs that push one tag wait for each other, and neither is stopped in the middle. */
const oneSealAtATime: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    if (position(job, 'push', 'tag') === -1) return [];
    const { group, 'cancel-in-progress': cancels } = job.concurrency ?? {};
    const names = ['github.repository', 'inputs.name', 'inputs.version'];
    return [
      ...violation(6, name, 'races with another run', !names.every((part) => group?.includes(`\${{ ${part} }}`))),
      ...violation(6, name, 'can be stopped by another run', cancels !== 'false'),
    ];
  });

/** Rule 6: content by digest, read back and verified, evidence stored, and the tag last of all. */
const tagIsLast: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    const tag = position(job, 'push', 'tag');
    const all = job.steps.some(
      (step) => action(step) === 'push' && !['layout', 'content', 'tag', 'rehearse'].includes(step.with?.mode ?? ''),
    );
    if (tag === -1) return violation(6, name, 'pushes in one go', all);
    const before = [
      position(job, 'push', 'content'),
      job.steps.findIndex((step) => action(step) === 'verify'),
      position(job, 'evidence-upload', 'upload'),
    ];
    const ordered =
      before.every((index, at) => index !== -1 && index > (before[at - 1] ?? -1)) && tag > Math.max(...before);
    return [
      ...violation(6, name, 'does not push, verify, store evidence, tag in this order', !ordered || all),
      ...violation(6, name, 'does something after the tag', tag !== job.steps.length - 1),
      ...violation(
        6,
        name,
        'lets something unsigned pass',
        job.steps.some((step) => step.with?.['allow-unsigned'] !== undefined),
      ),
    ];
  });

/** Rule 7: the build checks out what the token names; no configuration variables. */
const checkoutIsTheTokensCommit: Rule = (workflow) =>
  eachStep(workflow, (where, step) =>
    step.uses?.startsWith('actions/checkout@') === true
      ? violation(
          7,
          where,
          'does not check out exactly the commit of the run, without credentials',
          step.with?.repository !== `\${{ github.repository }}` ||
            step.with.ref !== `\${{ github.sha }}` ||
            step.with['persist-credentials'] !== 'false',
        )
      : [],
  ).concat(violation(7, 'workflow', 'reads configuration variables', /\bvars[.[]/.test(JSON.stringify(workflow))));

/** Not numbered in the design, and true of every workflow: pinned, unprivileged by default, no expression inside a shell. */
const hygiene: Rule = (workflow) => [
  ...violation(0, 'workflow', 'grants permissions to every job', Object.keys(workflow.permissions).length > 0),
  ...eachJob(workflow, (name, job) =>
    violation(0, name, 'does not state its permissions', job.permissions === undefined),
  ),
  ...eachStep(workflow, (where, step) => [
    ...violation(
      0,
      where,
      'is not pinned',
      step.uses !== undefined && action(step) === undefined && !PINNED.test(step.uses),
    ),
    ...violation(0, where, 'brings a program that is not locked', step.with?.['tool-paths'] !== undefined),
    ...violation(0, where, 'has an expression inside a shell', step.run?.includes('${{') === true),
    ...violation(0, where, 'uses a cache', /cache/.test(step.uses ?? '') || step.with?.cache !== undefined),
  ]),
];

function isRehearsed(step: Step): boolean {
  return step.with?.mode === 'rehearse' || REHEARSAL_INPUTS.some((input) => step.with?.[input] !== undefined);
}

/** What accepts or makes a rehearsal must not stand in a job that could publish, or one input would turn a release into a pretence. */
const rehearsalsPublishNothing: Rule = (workflow) =>
  eachJob(workflow, (name, job) =>
    violation(
      0,
      name,
      'rehearses with a permission to write',
      Object.values(job.permissions ?? {}).includes('write') && job.steps.some(isRehearsed),
    ),
  );

const RULES: readonly Rule[] = [
  hygiene,
  onlyPavedStepsBesideTheToken,
  statementsAreMadeInSeal,
  handoversByIdAndDigest,
  onlyAfterSuccess,
  inspectionIsYoung,
  oneSealAtATime,
  claimsAreExpected,
  tagIsLast,
  checkoutIsTheTokensCommit,
  callersNameNoAddress,
  trustIsRendered,
  policyComesFromTheBase,
  recordLeavesBeforeUserCode,
  imageRulesReachTheGate,
  scansNameWhatIsReleased,
  rehearsalsPublishNothing,
  ...LEG_RULES,
];

export function violationsOf(workflow: Workflow): readonly Violation[] {
  return RULES.flatMap((rule) => rule(workflow));
}
