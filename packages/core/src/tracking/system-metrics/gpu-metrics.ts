import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** What is asked of nvidia-smi for each GPU, in this order. */
const fields = [
  'index',
  'memory.used',
  'memory.total',
  'utilization.gpu',
  'power.draw',
  'enforced.power.limit',
] as const;

/**
 * MLflow's metrics of one GPU, from a line that nvidia-smi prints of `fields` as CSV without header and units. What the
 * card does not tell (`[N/A]`, `[Not Supported]`) is left out; a line that is none of a GPU gives nothing.
 */
export function parseGpuLine(line: string): Readonly<Record<string, number>> {
  const [index = '', ...words] = line.split(',').map((word) => word.trim());
  if (!/^\d+$/.test(index) || words.length !== fields.length - 1) return {};
  const [used, total, utilization, power, limit] = words.map((word) =>
    /^\d+(\.\d+)?$/.test(word) ? Number(word) : undefined,
  );
  const share = (part: number | undefined, whole: number | undefined): number | undefined =>
    part === undefined || whole === undefined || whole === 0 ? undefined : (100 * part) / whole;
  const metrics = {
    memory_usage_percentage: share(used, total),
    // nvidia-smi's MiB
    memory_usage_megabytes: used === undefined ? undefined : (used * 2 ** 20) / 1e6,
    utilization_percentage: utilization,
    power_usage_watts: power,
    power_usage_percentage: share(power, limit),
  };
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, value]) => (value === undefined ? [] : [[`gpu_${index}_${name}`, value]])),
  );
}

export interface GpuWatch {
  stop(): void;
}

/**
 * Has nvidia-smi look at all GPUs every so often, in one process for the whole time, which does not keep this one alive
 * and ends with it. Where there is no nvidia-smi, or it fails, nothing is told.
 * @param told what one look said of one GPU
 */
export function watchGpus(
  everySeconds: number,
  told: (metrics: Readonly<Record<string, number>>) => void,
  command = 'nvidia-smi',
): GpuWatch {
  const every = `${Math.max(1, Math.round(everySeconds * 1000))}`;
  const words = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits', '-lms', every];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.once('error', () => undefined);
  child.unref();
  unref(child.stdout);
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) told(parseGpuLine(line));
  });
  return { stop: () => void child.kill() };
}

/** A pipe is a socket to Node, which types it as less. */
function unref(stream: Readable): void {
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
}
