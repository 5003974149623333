import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '@headshare/core/tracking/journal/journal';
import { destinationOf } from '@headshare/core/tracking/sync/destination';
import { journalSync } from '@headshare/core/tracking/sync/journal-sync';

export interface SendingCase {
  readonly uri: string;
  /** Folder of the journal. */
  readonly folder: string;
  readonly points: number;
  /** Metrics a step. */
  readonly metrics: number;
}

export interface SendingMeasurement {
  readonly points: number;
  readonly megabytes: number;
  readonly writingSeconds: number;
  readonly sendingSeconds: number;
  /** CPU time of this process while sending. */
  readonly sendingCpuSeconds: number;
  readonly pointsPerSecond: number;
  /** Largest growth of the process's resident size while writing and sending. */
  readonly grownMegabytes: number;
}

/** Writes a journal of `points` metric values and sends it. */
export async function measureSending({ uri, folder, points, metrics }: SendingCase): Promise<SendingMeasurement> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'journal.jsonl');
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const written = performance.now();
  await write(file, points, metrics);
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  await journalSync(file, destinationOf(uri)).send(new AbortController().signal);
  const sendingSeconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  clearInterval(sampling);
  return {
    points,
    megabytes: statSync(file).size / 1e6,
    writingSeconds: (started - written) / 1000,
    sendingSeconds,
    sendingCpuSeconds: (user + system) / 1e6,
    pointsPerSecond: points / sendingSeconds,
    grownMegabytes: (peak - before) / 1e6,
  };
}

async function write(file: string, points: number, metrics: number): Promise<void> {
  const journal = openJournal(file, (error) => {
    throw error;
  });
  const time = Date.now();
  journal.append({ time, type: 'start', id: `bench-${time}`, experiment: 'headshare/bench', name: `${points} points` });
  for (let written = 0, step = 0; written < points; step++) {
    const values: Record<string, number> = {};
    for (let i = 0; i < metrics && written < points; i++, written++)
      values[`step/layer_${i}.gradient_norm`] = Math.random();
    journal.append({ time: time + step, type: 'metrics', step, values });
    if (step % 100 === 0) await journal.flush();
  }
  journal.append({ time, type: 'finish', status: 'FINISHED' });
  await journal.close();
}
