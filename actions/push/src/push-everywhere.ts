import { PavedError } from '@paved/errors';
import {
  assertRemoteContent,
  attachReferrers,
  type BlobProgress,
  buildPushReceipt,
  type Content,
  type PlannedTag,
  type PushedContent,
  type PushReceipt,
  pushContent,
  pushTagPlan,
  type Reference,
} from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { PushError } from './error.js';
import type { Evidence } from './evidence.js';
import type { Target } from './target.js';

type Inputs = InputsOf<typeof definition>;

export interface Job {
  readonly inputs: Inputs;
  readonly content: Content;
  readonly evidence: Evidence;
  readonly plan: readonly PlannedTag[];
  /** Of a copy: blobs are mounted where source and target are one registry. */
  readonly copiedFrom: Reference | undefined;
  /** How many targets must succeed. */
  readonly mustSucceed: number;
  readonly onProgress: (target: Target, progress: BlobProgress) => void;
}

export type TargetOutcome =
  | { readonly target: Target; readonly receipt: PushReceipt }
  | { readonly target: Target; readonly error: unknown };

type Placed = Pick<PushedContent, 'digest' | 'bytes'> & Partial<PushedContent>;

/**
 * Pushes to all targets at once, each with its own outcome. No target gets a tag before as many as must succeed have the content, and
 * one without the content gets none.
 * @throws what went wrong when there is one target; {PushError} `TARGETS_FAILED` when too many of several failed
 */
export async function pushEverywhere(job: Job, targets: readonly Target[]): Promise<readonly TargetOutcome[]> {
  const placed = await Promise.allSettled(targets.map((target) => place(job, target)));
  assertEnough(job, toOutcomes(targets, placed));
  const tagged = await Promise.allSettled(
    placed.map(async (result, position) => {
      if (result.status === 'rejected') throw result.reason;
      const target = targets[position] as Target;
      if (job.plan.length > 0) await pushTagPlan(target.repository, job.plan, job.inputs['move-tag']);
      return result.value;
    }),
  );
  const outcomes = toOutcomes(targets, tagged);
  assertEnough(job, outcomes);
  return outcomes;
}

async function place(job: Job, target: Target): Promise<PushReceipt> {
  const { inputs, evidence, plan } = job;
  const content = inputs.mode === 'tag' ? await confirm(job, target) : await send(job, target);
  const referrers = [...evidence.referrers, ...evidence.nested.flat()];
  const tags = plan.map(({ tag }) => tag);
  const { repository } = target;
  return buildPushReceipt({ repository, content, referrers, tags, allowUnsigned: inputs['allow-unsigned'] });
}

async function send({ inputs, content, evidence, copiedFrom, onProgress }: Job, target: Target): Promise<Placed> {
  const { repository } = target;
  const isSameRegistry = copiedFrom?.registry === repository.registry.registry;
  const placed = await pushContent({
    repository,
    layout: content,
    referrers: evidence.referrers,
    mountFrom: target.mountFrom ?? (isSameRegistry ? copiedFrom?.repository : undefined),
    readBack: inputs['read-back'],
    onProgress: (progress) => onProgress(target, progress),
  });
  for (const level of evidence.nested) await attachReferrers(repository, level);
  return placed;
}

/** What an earlier step pushed by digest must still be there byte for byte; then later evidence is attached. */
async function confirm({ inputs, content, evidence }: Job, { repository }: Target): Promise<Placed> {
  await assertRemoteContent(repository, content, inputs['read-back']);
  const bytes = await attachReferrers(repository, evidence.referrers);
  for (const level of evidence.nested) await attachReferrers(repository, level);
  return { digest: content.root.digest, bytes };
}

function toOutcomes(
  targets: readonly Target[],
  results: readonly PromiseSettledResult<PushReceipt>[],
): readonly TargetOutcome[] {
  return results.map((result, position) => {
    const target = targets[position] as Target;
    return result.status === 'fulfilled' ? { target, receipt: result.value } : { target, error: result.reason };
  });
}

function assertEnough({ mustSucceed }: Job, outcomes: readonly TargetOutcome[]): void {
  const failed = outcomes.filter((outcome) => 'error' in outcome);
  const [first] = failed;
  if (first === undefined || outcomes.length - failed.length >= mustSucceed) return;
  if (outcomes.length === 1) throw first.error;
  const states = failed.map(({ target, error }) => `${target.name} (${errorCode(error)})`);
  throw new PushError(
    'TARGETS_FAILED',
    `Cannot push to ${states.join(', ')}: ${mustSucceed} of ${outcomes.length} targets must succeed`,
    { cause: first.error, hint: 'Run the step again: what has arrived is not sent again. Or lower must-succeed' },
  );
}

/** Of one of our errors; anything else is a defect and has none. */
export function errorCode(error: unknown): string {
  return error instanceof PavedError ? error.code : 'INTERNAL';
}
