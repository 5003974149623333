/** A job that multiplies. It throws for negative numbers, and ends its thread at the first task that has `lives`. */
export function createJob({ factor }: { factor: number }) {
  return ({ value, lives }: { value: number; lives?: SharedArrayBuffer }): number => {
    if (lives && Atomics.add(new Int32Array(lives), 0, 1) === 0) process.exit(1);
    if (value < 0) throw new Error(`cannot multiply ${value}`);
    return value * factor;
  };
}
