import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { integer } from '@headshare/core/experiment/option';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { makeProcessFolder } from '@headshare/core/system/process-folder';
import { UserError } from '@headshare/core/system/user-error';
import { environmentPython, mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { freePort, startServer } from 'mlflow-js-client';
import { benchmark, type Column, print, someOf } from '../command-line';
import { inOwnProcess } from '../measurement';
import type { measureSending, SendingMeasurement } from './measure-sending';
import type { measureSteps, StepsCase, StepsMeasurement } from './measure-steps';

benchmark(
  {
    name: 'bench-tracking',
    summary: 'Measure the cost of tracking, with an MLflow server that the benchmark starts and stops',
    options: {
      kinds: someOf(['steps', 'sending'], 'cost for training steps; rate and memory for a long journal'),
      metrics: integer({ min: 1, default: 100, help: 'metrics a step' }),
      milliseconds: integer({ min: 1, default: 50, help: 'duration of a step' }),
      steps: integer({ min: 20, default: 1200, help: 'steps a measurement' }),
      rounds: integer({ min: 1, default: 3, help: 'measurements with and without tracking, in turn' }),
      points: integer({ min: 1, default: 1_000_000, help: 'points of the long journal' }),
    },
  },
  async ({ kinds, json, points, ...asked }) => {
    const temporary = makeProcessFolder('headshare-bench-tracking-');
    const server = await serverIn(temporary);
    const place = (kind: string) => ({ uri: server.uri, folder: join(temporary, kind) });
    try {
      if (kinds.includes('steps')) {
        const steps: StepsCase = { ...place('steps'), ...asked };
        const file = join(__dirname, 'measure-steps.ts');
        const measured = await inOwnProcess<typeof measureSteps>(file, 'measureSteps', steps);
        console.log(json ? JSON.stringify(measured) : stepsTable(measured, steps));
      }
      if (kinds.includes('sending')) {
        const sending = { ...place('sending'), points, metrics: asked.metrics };
        const file = join(__dirname, 'measure-sending.ts');
        print(json, [await inOwnProcess<typeof measureSending>(file, 'measureSending', sending)], sendingColumns);
      }
    } finally {
      process.kill(-server.pid, 'SIGKILL');
      rmSync(temporary, { recursive: true, force: true });
    }
  },
);

async function serverIn(folder: string) {
  const python = environmentPython(mlflowFolder);
  if (!python) throw new UserError('MLflow is not installed; `npx nx run tools:mlflow-setup` installs it');
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
    notes: [`Cost of ${steps} tracked steps beyond that of as many untracked ones, until all is sent; by rounds.`],
  });
}

const sendingColumns: readonly Column<SendingMeasurement>[] = [
  ['points', (one) => one.points, 0],
  ['journal, MB', (one) => one.megabytes, 1],
  ['written, s', (one) => one.writingSeconds, 1],
  ['sent, s', (one) => one.sendingSeconds, 1],
  ['CPU of sending, s', (one) => one.sendingCpuSeconds, 1],
  ['points/s', (one) => one.pointsPerSecond, 0],
  ['memory grew, MB', (one) => one.grownMegabytes, 0],
];
