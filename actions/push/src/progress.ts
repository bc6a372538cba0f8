import type { BlobProgress } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import type { Target } from './target.js';

const MIB = 1024 * 1024;
/** A layer is mentioned again each time that this much more of it was sent, in bytes. */
const STEP = 256 * MIB;

/** Logs one line when a layer is done, and for large ones a line on the way. */
export function progressLog({ log }: ActionContext): (target: Target, progress: BlobProgress) => void {
  const next = new Map<string, number>();
  return ({ name }, progress) => {
    const { digest, size } = progress.descriptor;
    if (progress.state !== 'sending') {
      log.info(`${name}: ${digest} ${progress.state} (${format(size)})`);
      return;
    }
    const key = `${name} ${digest}`;
    // An upload that starts again counts from the beginning.
    const mark = progress.bytes < STEP ? STEP : (next.get(key) ?? STEP);
    next.set(key, mark);
    if (progress.bytes < mark || progress.bytes >= size) return;
    next.set(key, mark + STEP);
    log.info(`${name}: ${digest} ${format(progress.bytes)} of ${format(size)}`);
  };
}

function format(bytes: number): string {
  return bytes < MIB ? `${bytes} bytes` : `${(bytes / MIB).toFixed(1)} MiB`;
}
