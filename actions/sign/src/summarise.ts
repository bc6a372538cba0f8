import type { ActionContext } from '@paved/runner-kit';
import type { SigningProgress, SigningSession } from '@paved/sigstore';
import type { WrittenBundle } from './write-bundles.js';

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
  session: SigningSession,
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
    .paragraph(`Signed as ${session.certificate.san}${verified ? ', each verified before it was written' : ''}`)
    .table(['What', 'About', 'Transparency', 'Bundle'], rows);
}
