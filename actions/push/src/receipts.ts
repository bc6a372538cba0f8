import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PushReceipt } from '@paved/oci';
import { errorCode, type TargetOutcome } from './push-everywhere.js';

export const PUSH_RECEIPTS_MEDIA_TYPE = 'application/vnd.paved.push-receipts.v1+json';

/** Outcome of every target of one push. */
export interface PushReceipts {
  readonly mediaType: typeof PUSH_RECEIPTS_MEDIA_TYPE;
  readonly digest: string;
  /** How many targets had to succeed. */
  readonly mustSucceed: number;
  readonly targets: readonly (
    | { readonly target: string; readonly outcome: 'pushed'; readonly receipt: PushReceipt }
    | { readonly target: string; readonly outcome: 'failed'; readonly code: string; readonly message: string }
  )[];
}

export function buildPushReceipts(
  digest: string,
  mustSucceed: number,
  outcomes: readonly TargetOutcome[],
): PushReceipts {
  const targets = outcomes.map((outcome) => {
    const { name: target } = outcome.target;
    if ('receipt' in outcome) return { target, outcome: 'pushed' as const, receipt: outcome.receipt };
    const { error } = outcome;
    const message = error instanceof Error ? error.message : String(error);
    return { target, outcome: 'failed' as const, code: errorCode(error), message };
  });
  return { mediaType: PUSH_RECEIPTS_MEDIA_TYPE, digest, mustSucceed, targets };
}

/** Writes a document into `folder` and returns its path. */
export async function writeDocument(folder: string, name: string, document: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`, { flag: 'wx' });
  return path;
}
