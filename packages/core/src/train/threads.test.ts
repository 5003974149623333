import { printedWithThreads } from '../../test/with-threads';
import { hasKernel } from '../runtime/binding';

const onCpu = hasKernel('HeadshareConvGradFilter') ? test : test.skip;

/** The files of several trainings, computed with so many threads. */
function trained(threads: number): Record<string, Record<string, string>> {
  const output = printedWithThreads(threads, './test/threads-child.ts');
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

onCpu(
  'small networks have the same weights to the bit with one, two and three threads',
  () => {
    const one = trained(1);
    expect(Object.values(one).every((files) => files['last.safetensors'] !== undefined)).toBe(true);
    expect(trained(2)).toEqual(one);
    expect(trained(3)).toEqual(one);
  },
  600_000,
);
