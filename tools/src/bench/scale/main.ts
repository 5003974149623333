import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { flag, integer, list, number } from '@headshare/core/experiment/option';
import { sumTypes } from '@headshare/core/runtime/ops/collective';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, print, pythonOption, someOf } from '../command-line';
import { machines, gigabits as modelledGigabits, modelledTrainings, type Projection, project } from './cost-model';
import { measureHeads, printHeads } from './heads';
import { makeLine, noNamespaces } from './namespaces';
import { measureRecovery, printRecovery } from './recovery';
import { measureOnLine, measureSteps, printSteps } from './steps';
import { measureSums, printSums } from './sums';
import { torchWays } from './ways';

const parts = ['steps', 'sums', 'line', 'recovery', 'heads'] as const;

benchmark(
  {
    name: 'bench-scale',
    summary: 'Measure how several processes train together',
    notes: [
      `Parts: steps images a second of one process, and of several without and with reduction; sums all-reduce by itself;
line two machines on a line of --line Gb/s (network namespaces of Linux, with root); recovery a training of three workers,
of which one is killed and another one joins; heads the memory of a training with --shard-classes, of one process without,
and of resumed ones
Cases: mbf MobileFaceNet; ce resnet8x4. All ways run in turn, round by round, and each waits meanwhile in its processes`,
    ],
    options: {
      parts: someOf(parts, 'what to measure', ['steps', 'sums', 'line', 'recovery']),
      classes: list(integer({ min: 2, default: 1, help: '' }), { default: [500_000], help: 'classes of heads' }),
      embeddingSize: integer({ min: 1, default: 512, help: 'length of the class centres of heads' }),
      cases: someOf(['mbf', 'ce'], 'training steps'),
      sums: someOf(sumTypes, 'how workers add, as --sums of trainings', ['exact', 'float32']),
      workers: integer({ min: 2, default: 2, help: 'processes, each with its share of the cores' }),
      python: pythonOption('a Python with torch: also measure DistributedDataParallel over gloo'),
      torch: someOf(torchWays, 'how PyTorch trains; ddp-compile takes a minute to start', ['ddp-channels-last']),
      megabytes: list(number({ above: 0, default: 4, help: '' }), { default: [4, 40], help: 'sizes of sums' }),
      line: number({ above: 0, default: 1, help: 'Gb/s between the two machines' }),
      steps: integer({ min: 3, default: 8, help: 'steps of each way in a round' }),
      rounds: integer({ min: 1, default: 5, help: 'rounds; tables show medians' }),
      model: flag({ help: 'measure nothing: print what the cost model says for 8, 64 and 256 machines' }),
    },
  },
  async ({
    parts: wanted,
    cases,
    sums,
    workers,
    python,
    torch,
    megabytes,
    line: gigabits,
    steps,
    rounds,
    model,
    classes,
    embeddingSize,
    json,
  }) => {
    if (model) {
      printModel(sums, json);
      return;
    }
    if (python) requireTorch(python);
    const threads = Math.max(1, Math.floor(availableParallelism() / workers));
    const request = { workers, threads, sums, python, torch, megabytes, steps, rounds };
    const show = <R>(results: readonly R[], table: () => void): void => {
      if (json) for (const one of results) console.log(JSON.stringify({ ...one, rounds, ...machine() }));
      else table();
    };
    if (wanted.includes('steps')) {
      for (const name of cases) {
        const result = await measureSteps(name, request);
        show([result], () => printSteps(result));
      }
    }
    if (wanted.includes('sums')) {
      const results = await measureSums(request);
      show(results, () => printSums(results));
    }
    if (wanted.includes('line')) {
      const reason = noNamespaces();
      if (reason !== undefined) process.stderr.write(`The part 'line' is left out: ${reason}.\n`);
      else {
        const line = makeLine(gigabits);
        try {
          for (const name of cases) {
            const result = await measureOnLine(name, request, line, gigabits);
            show([result], () => printSteps(result));
          }
        } finally {
          line.remove();
        }
      }
    }
    if (wanted.includes('recovery')) {
      const results = await measureRecovery(Math.max(3, workers), rounds);
      show(results, () => printRecovery(results));
    }
    if (wanted.includes('heads')) {
      for (const count of classes) {
        const skip = (reason: string) => void process.stderr.write(`Left out: ${reason}.\n`);
        const results = await measureHeads({ classes: count, embeddingSize, workers }, skip);
        show(results, () => printHeads(results));
      }
    }
    if (!json) {
      const { cores, processor, node, load } = machine();
      console.log(`Medians of ${rounds} rounds; ${cores} cores of ${processor}, Node ${node}, load ${load}.`);
    }
  },
);

function machine() {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    node: process.versions.node,
    /** Over the last minute: other programs' too. */
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}

function requireTorch(python: string): void {
  try {
    execFileSync(python, ['-c', 'import torch.distributed'], { stdio: 'ignore' });
  } catch {
    throw new UserError(`--python: '${python}' cannot import torch; name a Python that can (pip install torch)`);
  }
}

function printModel(sums: readonly (typeof sumTypes)[number][], json: boolean): void {
  const projections = modelledTrainings.flatMap((training) =>
    sums.flatMap((one) => machines.map((count) => modelledGigabits.map((rate) => project(training, one, count, rate)))),
  );
  if (json) {
    print(true, projections.flat(), []);
    return;
  }
  const percent = ({ efficiency, efficiencyHidden }: Projection): string =>
    `${(100 * efficiency).toFixed(0)} -> ${(100 * efficiencyHidden).toFixed(0)}`;
  print(
    false,
    projections,
    [
      ['training', ([first]) => first?.training],
      ['sums', ([first]) => first?.sums],
      ['machines', ([first]) => first?.machines, 0],
      ...modelledGigabits.map(
        (rate, i) => [`${rate} Gb/s`, (all: readonly Projection[]) => all[i] && percent(all[i])] as const,
      ),
    ],
    ['% of the time that machines compute: nothing of the reduction hidden -> hidden behind the backward pass.'],
  );
}
