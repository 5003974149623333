/** `child.ts SETUP`: a worker of the training that recovery.ts disturbs. It prints a line of JSON at each step. */
import { joinCluster } from '@headshare/core/cluster/join';
import { workerProcess } from '@headshare/core/cluster/worker-process';
import { classificationTask } from '@headshare/core/train/evaluation/classification-task';
import { trainNetwork } from '@headshare/core/train/train-network';
import { becomeWorker } from '@headshare/core/train/workers/become-worker';
import { start } from '../../command-line';
import { plainSettings } from '../../plain-settings';
import { stepCases } from '../../step/cases';
import { noise } from './noise';

/** How a worker's steps look to recovery.ts. */
export interface StepLine {
  readonly step: number;
  /** Milliseconds, by Date.now(). */
  readonly at: number;
  /** How many memberships the worker has taken part in. */
  readonly formings: number;
}

export interface Setup {
  /** For checkpoints. */
  readonly folder: string;
  readonly batchSize: number;
  readonly slices: number;
}

/** Steps that no benchmark comes to the end of, few enough for a metric at each. */
const steps = 9000;

async function main(): Promise<void> {
  const { folder, batchSize, slices } = JSON.parse(process.argv[2] ?? '') as Setup;
  const place = workerProcess();
  if (!place) throw new Error('This is a worker: bench-scale starts it.');
  const member = await joinCluster({ ...place, threads: 1 });
  await becomeWorker(member);
  const { student: network } = stepCases.ce;
  const { inputSize: size, classes } = network;
  const report = (step: number): void => {
    const line: StepLine = { step, at: Date.now(), formings: member.formings };
    console.log(JSON.stringify(line));
  };
  await trainNetwork({
    role: 'student',
    network,
    task: classificationTask({
      train: noise('train', { images: steps * batchSize, size, classes }),
      test: noise('test', { images: batchSize, size, classes }),
    }),
    settings: { ...plainSettings, schedule: 'cosine', epochs: 1, batchSize, accumulate: slices, evaluateEvery: 1 },
    folder,
    signal: new AbortController().signal,
    log: () => undefined,
    tracker: {
      metrics: (_values, step) => report(step),
      kept: report,
      flush: async () => undefined,
    },
    workers: { member, stage: 'benchmark', sums: 'exact' },
  });
}

start(main);
