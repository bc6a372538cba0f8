import type { Job, Step, Workflow } from './workflow.js';

const OWN_ACTION = /^\$\/actions\/[a-z-]+$/;

/** One broken rule of the job graph (DESIGN.md section 3): the rule's number, where, and what is wrong. */
export interface Violation {
  readonly rule: number;
  readonly where: string;
  readonly what: string;
}

/** @returns what breaks it; nothing where it is kept */
export type Rule = (workflow: Workflow) => readonly Violation[];

export function eachJob(
  workflow: Workflow,
  check: (name: string, job: Job) => readonly Violation[],
): readonly Violation[] {
  return Object.entries(workflow.jobs).flatMap(([name, job]) => check(name, job));
}

export function eachStep(
  workflow: Workflow,
  check: (where: string, step: Step, job: Job) => readonly Violation[],
): readonly Violation[] {
  return eachJob(workflow, (name, job) =>
    job.steps.flatMap((step, index) => check(`${name}.${step.id ?? index}`, step, job)),
  );
}

export function violation(rule: number, where: string, what: string, broken: boolean): readonly Violation[] {
  return broken ? [{ rule, where, what }] : [];
}

export function holdsIdToken(job: Job): boolean {
  return job.permissions?.['id-token'] === 'write';
}

export function action(step: Step): string | undefined {
  return OWN_ACTION.test(step.uses ?? '') ? step.uses?.slice('$/actions/'.length) : undefined;
}

export function position(job: Job, name: string, mode: string): number {
  return job.steps.findIndex((step) => action(step) === name && step.with?.mode === mode);
}
