import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { fail, measuredBy, readOptions, script, start, text, whole } from '../command-line';
import type { IjbcMeasurement } from './child';
import { makeSet } from './made-set';

const usage = `What IJB-C's evaluation takes at its real size (469,375 embeddings, 15,658,489 pairs): pooling, scores, curve.
npx nx run tools:bench-ijbc [options]
  --json            one JSON object instead of a table
  --data=FOLDER     where the data (1.1 GB) are, or are made and kept (made in a temporary folder and removed)
  --scale=NUMBER    share of IJB-C's size to make (1)
  --rounds=N        evaluations (1)
  --python=COMMAND  a Python with numpy and scikit-learn: the public script's steps on the same data, after each evaluation`;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const rounds = whole('--rounds', values.rounds);
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 4)) fail(`--scale must be a number above 0, at most 4, got ${values.scale}.`);
  const folder = values.data ? resolve(values.data) : await mkdtemp(join(tmpdir(), 'bench-ijbc-'));
  try {
    if (!existsSync(join(folder, 'info.json'))) {
      process.stderr.write(`making embeddings and pairs in ${folder}\n`);
      await makeSet(folder, scale);
    }
    const ours: IjbcMeasurement[] = [];
    const python: IjbcMeasurement[] = [];
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`round ${round + 1}/${rounds}\n`);
      ours.push(await measuredBy<IjbcMeasurement>(process.execPath, [...script(join(__dirname, 'child.ts')), folder]));
      if (values.python)
        python.push(await measuredBy<IjbcMeasurement>(values.python, [join(__dirname, 'numpy_ijbc.py'), folder]));
    }
    if (values.json) console.log(JSON.stringify({ headshare: ours, ...(python.length > 0 && { python }) }));
    else console.log(table(ours, python));
  } finally {
    if (!values.data) await rm(folder, { recursive: true, force: true });
  }
}

function table(ours: readonly IjbcMeasurement[], python: readonly IjbcMeasurement[]): string {
  const parts = ['preparing', 'pooling', 'scores', 'curve', 'total'] as const;
  const row = (name: string, { seconds, peakMegabytes }: IjbcMeasurement) => [
    name,
    ...parts.map((part) => `${seconds[part].wall.toFixed(1)} (${seconds[part].cpu.toFixed(1)})`),
    peakMegabytes,
  ];
  const rates = ({ tarAtFar }: IjbcMeasurement) =>
    Object.entries(tarAtFar)
      .map(([far, tar]) => `${far} ${tar.toFixed(6)}`)
      .join(', ');
  const notes = (name: string, [first]: readonly IjbcMeasurement[]) =>
    first ? [`TAR at FAR, ${name}: ${rates(first)}; AUC ${first.auc.toFixed(12)}`] : [];
  return terminalTable({
    columns: [{ title: '' }, ...parts.map((title) => ({ title })), { title: 'peak MB', digits: 0 }],
    rows: ours.flatMap((one, i) => [
      row('headshare', one),
      ...python.slice(i, i + 1).map((other) => row('python', other)),
    ]),
    notes: [
      "Seconds by the clock, and of all threads in brackets. Python's total has the reading of the embeddings, which we pool as they are read.",
      ...notes('headshare', ours),
      ...notes('python', python),
    ],
  });
}

const options = () =>
  readOptions({
    data: { type: 'string' },
    scale: text('1'),
    rounds: text('1'),
    python: { type: 'string' },
  });

start(main);
