/**
 * `work` for every item, `atOnce` at a time; results in the items' order. After the first failure no more are begun,
 * `stop` is aborted to end those under way, and when they have ended the failure is thrown.
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
  let index = 0;
  const start = (item: T, at: number): void => {
    const one: Promise<void> = work(item, at)
      .then(
        (result) => {
          results[at] = result;
        },
        (error: unknown) => {
          failure ??= { error };
          stop.abort();
        },
      )
      .finally(() => running.delete(one));
    running.add(one);
  };
  try {
    for await (const item of items) {
      if (failure) break;
      start(item, index++);
      if (running.size >= atOnce) await Promise.race(running);
      if (failure) break;
    }
  } catch (error) {
    failure ??= { error };
    stop.abort();
  }
  await Promise.all(running);
  if (failure) throw failure.error;
  return results;
}
