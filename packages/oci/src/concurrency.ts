/** Runs `body` for every item, at most `limit` at a time. The first failure stops new work; it is thrown when what runs has ended. */
export async function forEachConcurrently<T>(
  items: readonly T[],
  limit: number,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const failures: unknown[] = [];
  async function work(): Promise<void> {
    while (failures.length === 0) {
      const item = queue.shift();
      if (item === undefined) return;
      await body(item).catch((error) => failures.push(error));
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (failures.length > 0) throw failures[0];
}
