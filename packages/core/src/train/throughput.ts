/** Counts images a second. */
export interface Throughput {
  /** Adds a step's images and its seconds, including the wait for data. */
  count(images: number, seconds: number): void;
  /** Steps counted since the last `take`. */
  steps(): number;
  /** The rate as a metric, or no metric if nothing was counted; resets the counts. */
  take(): { readonly images_per_second?: number };
}

export function throughput(): Throughput {
  let images = 0;
  let seconds = 0;
  let steps = 0;
  return {
    count(ofStep, time) {
      images += ofStep;
      seconds += time;
      steps += 1;
    },
    steps: () => steps,
    take() {
      const taken = seconds > 0 ? { images_per_second: images / seconds } : {};
      images = seconds = steps = 0;
      return taken;
    },
  };
}
