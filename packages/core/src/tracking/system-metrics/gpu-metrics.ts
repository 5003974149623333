import { spawn } from 'node:child_process';
import type { Sample } from './system-sample';

/** The columns that nvidia-smi prints for each GPU. */
const fields = ['index', 'memory.used', 'memory.total', 'utilization.gpu', 'power.draw', 'enforced.power.limit'];

/**
 * Parses a line of nvidia-smi (CSV without header and units) into MLflow's metrics of one GPU, without `system/`.
 * Leaves out values that the card does not report (`[N/A]`, `[Not Supported]`); an invalid line gives an empty object.
 */
export function parseGpuLine(line: string): Sample {
  const [index = '', ...words] = line.split(',').map((word) => word.trim());
  if (!/^\d+$/.test(index) || words.length !== fields.length - 1) return {};
  const [used, total, utilization, power, limit] = words.map((word) =>
    /^\d+(\.\d+)?$/.test(word) ? Number(word) : undefined,
  );
  const percent = (part: number | undefined, whole: number | undefined): number | undefined =>
    part === undefined || !whole ? undefined : (100 * part) / whole;
  const metrics = {
    memory_usage_percentage: percent(used, total),
    // nvidia-smi prints MiB.
    memory_usage_megabytes: used === undefined ? undefined : (used * 2 ** 20) / 1e6,
    utilization_percentage: utilization,
    power_usage_watts: power,
    power_usage_percentage: percent(power, limit),
  };
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, value]) => (value === undefined ? [] : [[`gpu_${index}_${name}`, value]])),
  );
}

/**
 * Runs nvidia-smi, which samples all GPUs periodically until this process ends; it does not keep this process alive.
 * Without a working nvidia-smi there are no samples.
 * @param onSample takes each sample of one GPU
 */
export function watchGpus(everySeconds: number, onSample: (metrics: Sample) => void, command = 'nvidia-smi') {
  const every = `${Math.max(1, Math.round(everySeconds * 1000))}`;
  const words = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits', '-lms', every];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.once('error', () => undefined);
  child.unref();
  // A pipe is a socket, although its type does not say so.
  if ('unref' in child.stdout && typeof child.stdout.unref === 'function') child.stdout.unref();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onSample(parseGpuLine(line));
  });
  return { stop: () => void child.kill() };
}
