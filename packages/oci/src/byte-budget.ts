/** How much may be under way at once. */
export interface ByteBudget {
  readonly maxItems: number;
  readonly maxBytes: number;
  /** What one item counts at most, in bytes, so that a few large ones still run side by side. */
  readonly maxItemBytes: number;
}

/** Many small blobs at once hide the latency of their requests; a few large ones fill the line. */
export const DEFAULT_BUDGET: ByteBudget = {
  maxItems: 8,
  maxBytes: 256 * 1024 * 1024,
  maxItemBytes: 64 * 1024 * 1024,
};

/**
 * Runs `body` for every item, in their order, as many at a time as fit into `budget`; one always does. The first failure stops new
 * work; it is thrown when what runs has ended.
 */
export async function forEachWithinBudget<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  budget: ByteBudget,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const running = new Set<Promise<void>>();
  let bytes = 0;
  for (const item of items) {
    const size = Math.min(sizeOf(item), budget.maxItemBytes);
    while (running.size > 0 && (running.size >= budget.maxItems || bytes + size > budget.maxBytes)) {
      await Promise.race(running);
    }
    if (failures.length > 0) break;
    bytes += size;
    const work: Promise<void> = body(item)
      .catch((error) => {
        failures.push(error);
      })
      .finally(() => {
        bytes -= size;
        running.delete(work);
      });
    running.add(work);
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
