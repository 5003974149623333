import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { integer, number, optional, text } from '@headshare/core/experiment/option';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { benchmark, pythonOption } from '../command-line';
import { inOwnProcess, inRounds, measuredBy } from '../measurement';
import type { IjbcMeasurement, measureIjbc } from './measure';
import { writeSet } from './synthetic-set';

benchmark(
  {
    name: 'bench-ijbc',
    summary: "Time IJB-C's evaluation at its real size (469,375 embeddings, 15,658,489 pairs): pooling, scores, curve",
    options: {
      data: optional(text({ placeholder: 'DIR', help: 'folder that keeps the generated data (1.1 GB)' }), 'temporary'),
      scale: number({ above: 0, max: 4, default: 1, help: "share of IJB-C's size" }),
      rounds: integer({ min: 1, default: 1, help: 'evaluations' }),
      python: pythonOption('a Python with numpy and scikit-learn: also time the public script'),
    },
  },
  async ({ data, scale, rounds, python, json }) => {
    const folder = data ? resolve(data) : makeProcessFolder('headshare-bench-ijbc-');
    try {
      if (!existsSync(join(folder, 'info.json'))) {
        process.stderr.write(`generating embeddings and pairs in ${folder}\n`);
        await writeSet(folder, scale);
      }
      const ways = python ? ['headshare', 'python'] : ['headshare'];
      const measured = await inRounds(ways, rounds, '', (way) =>
        way === 'python' && python
          ? measuredBy<IjbcMeasurement>(python, [join(__dirname, 'numpy_ijbc.py'), folder])
          : inOwnProcess<typeof measureIjbc>(join(__dirname, 'measure.ts'), 'measureIjbc', folder),
      );
      console.log(json ? JSON.stringify(Object.fromEntries(measured)) : table(measured, rounds));
    } finally {
      if (!data) await rm(folder, { recursive: true, force: true });
    }
  },
);

function table(measured: ReadonlyMap<string, readonly IjbcMeasurement[]>, rounds: number): string {
  const parts = ['preparing', 'pooling', 'scores', 'curve', 'total'] as const;
  const rows = Array.from({ length: rounds }, (_, round) =>
    [...measured].map(([way, all]) => {
      const one = all[round];
      const times = parts.map((part) => `${one?.seconds[part].wall.toFixed(1)} (${one?.seconds[part].cpu.toFixed(1)})`);
      return [way, ...times, one?.peakMegabytes];
    }),
  );
  const notes = [...measured].map(([way, [first]]) => {
    const rates = Object.entries(first?.tarAtFar ?? {}).map(([far, tar]) => `${far} ${tar.toFixed(6)}`);
    return `TAR at FAR, ${way}: ${rates.join(', ')}; AUC ${first?.auc.toFixed(12)}`;
  });
  return terminalTable({
    columns: [{ title: '' }, ...parts.map((title) => ({ title })), { title: 'peak MB', digits: 0 }],
    rows: rows.flat(),
    notes: [
      "Seconds by the clock, and CPU seconds of all threads in brackets. Python's total includes reading the embeddings.",
      ...notes,
    ],
  });
}
