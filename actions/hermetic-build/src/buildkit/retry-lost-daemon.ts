/** How often a daemon is started for one piece of work. */
export const ATTEMPTS = 2;

/**
 * A daemon that ends by itself says nothing about the work it did: the work is done once more, with a new daemon and nothing of the old
 * one.
 * @param attempt its result has `lastWords` when it failed because its daemon ended
 * @param onLost is told before the work starts again
 */
export async function retryLostDaemon<R extends { readonly lastWords?: string | undefined }>(
  attempt: () => Promise<R>,
  onLost: (lastWords: string) => Promise<void> | void,
): Promise<R> {
  for (let count = 1; ; count++) {
    const result = await attempt();
    if (result.lastWords === undefined || count === ATTEMPTS) return result;
    await onLost(result.lastWords);
  }
}
