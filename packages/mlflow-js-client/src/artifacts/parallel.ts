/**
 * Runs `work` for every item, `atOnce` at a time, and returns the results in the items' order. The first failure aborts
 * `stop`, so that running work ends early, and is thrown once all running work has ended.
 */
export async function inParallel<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  stop: AbortController,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop.abort();
  };
  const start = (item: T, index: number): void => {
    const one: Promise<void> = work(item, index)
      .then((result) => {
        results[index] = result;
      }, fail)
      .finally(() => running.delete(one));
    running.add(one);
  };
  let index = 0;
  try {
    for await (const item of items) {
      if (failure) break;
      start(item, index++);
      if (running.size >= atOnce) await Promise.race(running);
      if (failure) break;
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  if (failure) throw failure.error;
  return results;
}
