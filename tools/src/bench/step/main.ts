import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { integer, optional } from '@headshare/core/experiment/option';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, print, pythonOption, someOf } from '../command-line';
import { inOwnProcess, inRounds, measuredBy, median } from '../measurement';
import type { CaseName } from './cases';
import type { measureStep, Roofline, StepMeasurement } from './measure';

/** Images a step of each case. */
const batches = { mbf: 32, ce: 64, thkd: 64 } as const satisfies Record<CaseName, number>;
const torch = ['torch', 'torch-channels-last', 'torch-compile'] as const;

type Way = 'plain' | 'fused' | 'compiled' | 'recompute' | 'bfloat16' | (typeof torch)[number];

benchmark(
  {
    name: 'bench-step',
    summary: 'Measure the images a second of training steps',
    notes: [
      `Cases: mbf MobileFaceNet; ce resnet8x4; thkd resnet8x4 distilled from resnet32x4 by TH-KD
Ways: plain tf.* of tfjs-node; fused headshare's operations one by one (--eager); compiled as trainings run;
recompute and bfloat16 compiled with --recompute or --precision=bfloat16`,
    ],
    options: {
      cases: someOf(['mbf', 'ce', 'thkd'], 'steps to measure'),
      ways: someOf(['plain', 'fused', 'compiled', 'recompute', 'bfloat16'], 'ways to run a step', [
        'plain',
        'fused',
        'compiled',
      ]),
      python: pythonOption('a Python with torch: also measure torch, torch-channels-last, torch-compile'),
      steps: integer({ min: 6, default: 24, help: 'steps a measurement; the first four are not counted' }),
      rounds: integer({ min: 1, default: 3, help: 'rounds, over all ways in turn; the table shows medians' }),
      images: optional(integer({ min: 2, help: 'images a step' }), "the case's own"),
    },
  },
  async ({ cases, ways, python, steps, rounds, images, json }) => {
    if (python) requireTorch(python);
    for (const name of cases) {
      const batch = images ?? batches[name];
      const measured = await inRounds([...ways, ...(python ? torch : [])], rounds, `${name}, `, (way) =>
        python && torch.some((one) => one === way)
          ? measuredBy<StepMeasurement>(python, [join(__dirname, 'torch_step.py'), name, `${batch}`, `${steps}`, way])
          : inOwnProcess<typeof measureStep>(join(__dirname, 'measure.ts'), 'measureStep', { name, batch, steps, way }),
      );
      const result = summary(name, batch, measured);
      if (json) console.log(JSON.stringify(result));
      else printTable(result);
    }
  },
);

function requireTorch(python: string): void {
  try {
    execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
  } catch {
    throw new UserError(`--python: '${python}' cannot import torch; name a Python that can (pip install torch)`);
  }
}

interface Summary {
  readonly case: string;
  readonly batch: number;
  readonly ways: Readonly<Record<string, StepMeasurement>>;
  /** Median images a second of compiled over another way's, round by round; the median of the rounds. */
  readonly compiledOver: Readonly<Record<string, number>>;
  /** Seconds of an empty call over those of a compiled step. */
  readonly callShare?: number;
}

function summary(name: string, batch: number, measured: ReadonlyMap<Way, readonly StepMeasurement[]>): Summary {
  const ways: Partial<Record<Way, StepMeasurement>> = Object.fromEntries(
    [...measured].map(([way, all]) => [way, middle(all)]),
  );
  const compiled = measured.get('compiled');
  const over = (others: readonly Way[]): number =>
    median(
      (compiled ?? []).map((ours, round) => {
        const best = Math.max(...others.map((way) => measured.get(way)?.[round]?.imagesPerSecondMedian ?? Number.NaN));
        return ours.imagesPerSecondMedian / best;
      }),
    );
  const others = [...measured.keys()].filter((way) => compiled && way !== 'compiled');
  const hasTorch = compiled && torch.every((way) => measured.has(way));
  const { emptyCallSeconds, imagesPerSecondMedian } = ways.compiled ?? {};
  return {
    case: name,
    batch,
    ways,
    compiledOver: {
      ...Object.fromEntries(others.map((way) => [way, over([way])])),
      ...(hasTorch && { 'best-of-torch': over(torch) }),
    },
    ...(emptyCallSeconds && imagesPerSecondMedian && { callShare: (emptyCallSeconds * imagesPerSecondMedian) / batch }),
  };
}

function middle(all: readonly StepMeasurement[]): StepMeasurement {
  const of = (key: keyof StepMeasurement) => median(all.map((one) => one[key] ?? Number.NaN));
  return {
    imagesPerSecondMedian: of('imagesPerSecondMedian'),
    imagesPerSecondBest: Math.max(...all.map((one) => one.imagesPerSecondBest)),
    firstSeconds: of('firstSeconds'),
    peakMegabytes: of('peakMegabytes'),
    ...(all[0]?.emptyCallSeconds !== undefined && { emptyCallSeconds: of('emptyCallSeconds') }),
    ...(hasRoofline(all[0]) && {
      operations: of('operations'),
      matrixRate: of('matrixRate'),
      bytes: of('bytes'),
      memoryRate: of('memoryRate'),
    }),
  };
}

function printTable({ case: name, batch, ways, compiledOver, callShare }: Summary): void {
  const { compiled } = ways;
  const share = [
    ...(callShare === undefined ? [] : [`An empty call takes ${(100 * callShare).toFixed(2)} % of a compiled step.`]),
    ...(hasRoofline(compiled) ? rooflineText(compiled) : []),
  ];
  print(
    false,
    Object.entries(ways),
    [
      [`${name}, batch ${batch}`, ([way]) => way],
      ['images/s, median', ([, one]) => one.imagesPerSecondMedian, 1],
      ['best', ([, one]) => one.imagesPerSecondBest, 1],
      ['compiled is x times', ([way]) => compiledOver[way]],
      ['first step, s', ([, one]) => one.firstSeconds, 1],
      ['peak MB', ([, one]) => one.peakMegabytes, 0],
    ],
    [...share, ''],
  );
}

const hasRoofline = (one: StepMeasurement | undefined): one is StepMeasurement & Roofline =>
  one?.operations !== undefined;

function rooflineText(compiled: StepMeasurement & Roofline): readonly string[] {
  const { imagesPerSecondMedian: images, operations, matrixRate, bytes, memoryRate } = compiled;
  const giga = (value: number) => (value / 1e9).toFixed(value < 1e10 ? 2 : 0);
  const share = (each: number, most: number) => ((100 * each * images) / most).toFixed(0);
  return [
    `One image takes ${giga(operations)} GFLOP by definition; compiled computes ${giga(operations * images)} GFLOP a second, ${share(operations, matrixRate)} % of the ${giga(matrixRate)} of a large matrix product in the same process.`,
    `Its operations read and write ${(bytes / 1e6).toFixed(0)} MB for one image, by their shapes; compiled moves ${giga(bytes * images)} GB a second, ${share(bytes, memoryRate)} % of the ${giga(memoryRate)} of reading a large matrix.`,
  ];
}
