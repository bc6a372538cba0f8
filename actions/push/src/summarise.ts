import type { PushReceipt } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import { errorCode, type TargetOutcome } from './push-everywhere.js';

/** Writes the job summary and the event of a push. */
export function summarise(receipt: PushReceipt, { summary, events, log }: ActionContext): void {
  const { registry, repository, digest, tags, referrers, bytes } = receipt;
  const head = `${registry}/${repository}@${digest}`;
  summary.heading('Pushed').table(
    ['What', 'Value'],
    [
      ['Reference', head],
      ['Tags', tags.length === 0 ? 'none' : tags.join(', ')],
      ['Order', orderText(receipt)],
      ['Bytes sent / mounted / present', `${bytes.sent} / ${bytes.mounted} / ${bytes.present}`],
    ],
  );
  if (referrers.length > 0) {
    const rows = referrers.map((entry) => [entry.predicateType ?? entry.artifactType, entry.digest, entry.subject]);
    summary.table(['Signed statement', 'Referrer', 'About'], rows);
  }
  if (receipt.allowUnsigned)
    log.warning('allow-unsigned: the signatures of this artifact were not required for its tag');
  events.emit({
    stage: 'push',
    event: tags.length > 0 ? 'tagged' : 'pushed',
    registry,
    repository,
    digest,
    tags,
    referrers: referrers.length,
    bytes: { ...bytes },
    ...(receipt.windowMs === undefined ? {} : { windowMs: receipt.windowMs }),
  });
}

function orderText({ order, windowMs }: PushReceipt): string {
  if (order === undefined) return 'found in place';
  if (order === 'referrers-first') return 'referrers first: never visible without them';
  return `manifest first: visible without referrers for ${windowMs} ms`;
}

/** Writes one row per target, and a warning for each that failed. */
export function summariseTargets(outcomes: readonly TargetOutcome[], { summary, log }: ActionContext): void {
  const rows = outcomes.map((outcome) => [
    outcome.target.name,
    'receipt' in outcome ? 'pushed' : `failed: ${errorCode(outcome.error)}`,
  ]);
  summary.table(['Target', 'Outcome'], rows);
  for (const outcome of outcomes) {
    if ('error' in outcome) log.warning(`Nothing was tagged in ${outcome.target.name}: ${errorCode(outcome.error)}`);
  }
}
