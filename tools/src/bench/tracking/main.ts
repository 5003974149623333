import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { environmentPython, mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { freePort, startServer } from 'mlflow-js-client';
import { fail, listed, measuredBy, readOptions, script, start, text, whole } from '../command-line';
import type { SendingCase, SendingMeasurement } from './measure-sending';
import type { StepsCase, StepsMeasurement } from './measure-steps';

const kinds = ['steps', 'sending'] as const;

const usage = `What tracking costs, against an MLflow server of its own.
npx nx run tools:bench-tracking [options]
  --json            one JSON object a line instead of a table
  --kinds=LIST      steps: what training steps wait for it, and its share of the process's time, journal and sending;
                    sending: a long journal, its rate and its memory (${kinds})
  --metrics=N       metrics a step (100)
  --milliseconds=N  that a step takes (50)
  --steps=N         steps a measurement (1200)
  --rounds=N        measurements with and without tracking, in turn (3)
  --points=N        of the long journal (1000000)`;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const chosen = listed('--kinds', values.kinds, kinds);
  const metrics = whole('--metrics', values.metrics);
  const points = whole('--points', values.points);
  const steps = {
    metrics,
    milliseconds: whole('--milliseconds', values.milliseconds),
    steps: whole('--steps', values.steps, 20),
    rounds: whole('--rounds', values.rounds),
  };
  const show = <M extends object>(measured: M, table: (measured: M) => string): void =>
    console.log(values.json ? JSON.stringify(measured) : table(measured));
  const folder = mkdtempSync(join(tmpdir(), 'headshare-bench-tracking-'));
  const server = await serverIn(folder);
  try {
    const child = <M>(kind: string, asked: StepsCase | SendingCase) =>
      measuredBy<M>(process.execPath, [...script(join(__dirname, 'child.ts')), kind, JSON.stringify(asked)]);
    const place = (kind: string) => ({ uri: server.uri, folder: join(folder, kind) });
    if (chosen.includes('steps')) {
      const asked: StepsCase = { ...place('steps'), ...steps };
      show(await child<StepsMeasurement>('steps', asked), (measured) => stepsTable(measured, asked));
    }
    if (chosen.includes('sending')) {
      show(await child<SendingMeasurement>('sending', { ...place('sending'), points, metrics }), sendingTable);
    }
  } finally {
    process.kill(-server.pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const options = () =>
  readOptions({
    kinds: text(kinds.join()),
    metrics: text('100'),
    milliseconds: text('50'),
    steps: text('1200'),
    rounds: text('3'),
    points: text('1000000'),
  });

async function serverIn(folder: string) {
  const python = environmentPython(mlflowFolder);
  if (!python) fail('MLflow is not installed (`npx nx run tools:mlflow-setup` installs it).');
  const place = { database: join(folder, 'mlflow.db'), artifacts: join(folder, 'artifacts') };
  return startServer({ python, ...place, port: await freePort(), log: join(folder, 'server.log') });
}

function stepsTable(measured: StepsMeasurement, { metrics, milliseconds, steps }: StepsCase): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const shares = (all: readonly number[]): string => all.map(percent).join(', ');
  const { waitMedian, wait99, processShare, processShares, threadShare, threadShares } = measured;
  const ofStep = (microseconds: number): string => percent(microseconds / 1000 / milliseconds);
  return terminalTable({
    columns: [{ title: `${metrics} metrics every ${milliseconds} ms` }, { title: 'of a step' }, { title: 'measured' }],
    rows: [
      ['a step waits, median', ofStep(waitMedian), `${waitMedian.toFixed(0)} µs`],
      ['a step waits, 99 of 100', ofStep(wait99), `${wait99.toFixed(0)} µs`],
      ['CPU time of the process', percent(processShare), shares(processShares)],
      ['JavaScript thread busy', percent(threadShare), shares(threadShares)],
    ],
    notes: [`What ${steps} steps with tracking take more than as many without, until all is sent, by rounds.`],
  });
}

function sendingTable(measured: SendingMeasurement): string {
  return terminalTable({
    columns: [
      { title: 'points', digits: 0 },
      { title: 'journal, MB', digits: 1 },
      { title: 'written, s', digits: 1 },
      { title: 'sent, s', digits: 1 },
      { title: 'CPU of it, s', digits: 1 },
      { title: 'points/s', digits: 0 },
      { title: 'memory grew, MB', digits: 0 },
    ],
    rows: [
      [
        measured.points,
        measured.megabytes,
        measured.writingSeconds,
        measured.sendingSeconds,
        measured.sendingCpuSeconds,
        measured.pointsPerSecond,
        measured.grownMegabytes,
      ],
    ],
  });
}

start(main);
