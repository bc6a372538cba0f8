import type { ActionContext } from '@paved/runner-kit';
import type { BundleTransparency, SigningProgress } from '@paved/sigstore';
import type { SignedItem, WrittenBundle } from './write-bundles.js';

const STEP = 25;

/** Events of the session, as they come; a log that was not reached is never silent. */
export function reportProgress(context: ActionContext, progress: SigningProgress): void {
  switch (progress.event) {
    case 'certificate':
      context.events.emit({
        stage: 'sign',
        event: 'certificate-issued',
        identity: progress.certificate.san,
        notAfter: progress.certificate.notAfter.toISOString(),
      });
      return;
    case 'signed':
      context.events.emit({
        stage: 'sign',
        event: 'bundle-signed',
        content: progress.content,
        transparency: progress.transparency,
      });
      reportCount(context, progress.done, progress.asked);
      return;
    case 'log-unavailable':
      context.log.warning('The transparency log cannot be reached; the signature rests on its timestamp alone');
      context.events.emit({ stage: 'sign', event: 'log-unavailable', code: progress.error.code });
      return;
  }
}

/** One row for each bundle. */
export function summarise(
  context: ActionContext,
  identity: string,
  bundles: readonly WrittenBundle[],
  verified: boolean,
): void {
  const rows = bundles.map(({ path, item }) => [
    item.slot,
    item.subjects.length === 1
      ? ((item.subjects[0]?.name || item.subjects[0]?.digest) ?? '')
      : `${item.subjects.length} subjects`,
    item.bundle.transparency,
    path,
  ]);
  context.summary
    .heading('Signatures')
    .paragraph(`Signed as ${identity}${verified ? ', each verified before it was written' : ''}`)
    .table(['What', 'About', 'Transparency', 'Bundle'], rows);
}

/** The least of what happened to any bundle. */
export function leastTransparency(items: readonly SignedItem[]): BundleTransparency {
  const found = new Set(items.map(({ bundle }) => bundle.transparency));
  if (found.has('none')) return 'none';
  return found.has('timestamp-only') ? 'timestamp-only' : 'logged';
}

/** A large set shows that it moves. */
function reportCount({ log }: ActionContext, done: number, asked: number): void {
  if (asked > STEP && (done % STEP === 0 || done === asked)) log.info(`Signed ${done} of ${asked}`);
}
