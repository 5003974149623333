/** For tests: multiplies; refuses negative numbers; ends its thread the first time that it sees a task with `lives`. */
export function createJob({ factor }: { factor: number }) {
  return ({ value, lives }: { value: number; lives?: SharedArrayBuffer }): number => {
    if (lives && Atomics.add(new Int32Array(lives), 0, 1) === 0) process.exit(1);
    if (value < 0) throw new Error(`cannot multiply ${value}`);
    return value * factor;
  };
}
