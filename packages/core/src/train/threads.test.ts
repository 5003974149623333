import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { hasKernel } from '../runtime/binding';

const onCpu = hasKernel('HeadshareConvGradFilter') ? test : test.skip;

/** The files of several trainings, computed with so many threads. */
function trained(threads: number): Record<string, Record<string, string>> {
  const output = execFileSync(process.execPath, ['-r', './register.cjs', './test/threads-child.ts'], {
    cwd: join(__dirname, '../..'),
    env: { ...process.env, HEADSHARE_THREADS: String(threads) },
    encoding: 'utf8',
  });
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
