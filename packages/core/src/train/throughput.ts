/** Images a second of what was counted since it was last taken. */
export interface Throughput {
  /** A step has taken so many images, and this much time, waiting for them included. */
  count(images: number, seconds: number): void;
  /** Steps counted since. */
  steps(): number;
  /** As metrics, to be spread: none where nothing was counted. Counting begins anew. */
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
