/** Images a second of training steps: one process, several without and with reduction, and PyTorch's DDP. */
import type { SumType } from '@headshare/core/runtime/ops/collective';
import { print } from '../command-line';
import { inRounds, median } from '../measurement';
import type { CaseName } from '../step/cases';
import { headshareProcesses, type Measuring, torchProcesses } from './measuring';
import type { Line } from './namespaces';
import type { Answer, StepWay, TorchWay } from './ways';

/** Images a step of all processes together. */
const batches = { mbf: 32, ce: 64, thkd: 64 } as const satisfies Record<CaseName, number>;

export interface StepsRequest {
  readonly workers: number;
  /** Of each worker. */
  readonly threads: number;
  readonly sums: readonly SumType[];
  readonly python: string | undefined;
  readonly torch: readonly TorchWay[];
  readonly steps: number;
  readonly rounds: number;
}

interface Speed {
  readonly imagesPerSecond: number;
  readonly imagesPerSecondBest: number;
  /** Of a step, the mean over the processes. */
  readonly seconds: number;
  /** Of the processor for a step, in all processes and threads: other programs change it least. */
  readonly cpuSeconds: number;
}

export interface StepsResult {
  readonly part: 'steps' | 'line';
  readonly case: CaseName;
  readonly images: number;
  readonly workers: number;
  readonly threads: number;
  readonly gigabits?: number;
  readonly ways: Readonly<Record<string, Speed>>;
  /** Ratios are made round by round; these are their medians. */
  readonly imagesPerSecondOver: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Of a step with reduction, the part that it takes longer than the same step without. */
  readonly communicationShare: Readonly<Record<string, number>>;
  /** Of the reduction's time by itself, the part that does not make the step longer. */
  readonly hiddenShare?: Readonly<Record<string, number>>;
}

const one = 'one process';
const alone = 'no reduction';
const local = 'own sums only';
const traffic = (sums: SumType): string => `${sums} sums alone`;

export async function measureSteps(name: CaseName, request: StepsRequest): Promise<StepsResult> {
  const { workers, threads, python, torch, sums } = request;
  const images = Math.ceil(batches[name] / workers) * workers;
  const step = (as: StepWay['as'], batch = images / workers): StepWay => ({ kind: 'step', case: name, batch, as });
  const groups = new Groups();
  try {
    await groups.add({ [one]: step('alone', images) }, (ways) =>
      headshareProcesses(ways, { processes: 1, threads: workers * threads }),
    );
    const shared = [alone, local, ...sums].map((way): [string, StepWay] => [
      way,
      step(way === alone ? 'alone' : way === local ? 'local' : (way as SumType)),
    ]);
    await groups.add(Object.fromEntries(shared), (ways) => headshareProcesses(ways, { processes: workers, threads }));
    if (python) {
      const theirs = Object.fromEntries(torch.map((way) => [way, step(way)]));
      await groups.add(theirs, (ways) => torchProcesses(python, ways, { processes: workers, threads }));
    }
    const speeds = await groups.speeds(`${name}, `, request);
    return { part: 'steps', case: name, images, workers, threads, ...summary(speeds, sums) };
  } finally {
    await groups.end();
  }
}

/** Two workers in two machines with a line between them. */
export async function measureOnLine(
  name: CaseName,
  request: Omit<StepsRequest, 'workers' | 'python' | 'torch'>,
  line: Line,
  gigabits: number,
): Promise<StepsResult> {
  const { threads, sums } = request;
  const workers = 2;
  const step = (as: StepWay['as'], more?: Partial<StepWay>): StepWay => ({
    kind: 'step',
    case: name,
    batch: batches[name] / workers,
    as,
    ...more,
  });
  const groups = new Groups();
  try {
    const ways = [
      [local, step('local')],
      ...sums.map((one) => [one, step(one)]),
      ...sums.map((one) => [traffic(one), step('traffic', { sums: one })]),
    ];
    await groups.add(Object.fromEntries(ways), (all) => headshareProcesses(all, { processes: workers, threads, line }));
    const speeds = await groups.speeds(`${name}, ${gigabits} Gb/s, `, request);
    const hidden = (way: SumType): number =>
      overRounds(speeds, [way, local, traffic(way)], ([reduced, without, by]) => 1 - (reduced - without) / by);
    return {
      part: 'line',
      case: name,
      images: batches[name],
      workers,
      threads,
      gigabits,
      ...summary(speeds, sums),
      hiddenShare: Object.fromEntries(sums.map((way) => [way, hidden(way)])),
    };
  } finally {
    await groups.end();
  }
}

/** Ways by their names, each with the processes that measure it. */
class Groups {
  private readonly all: Measuring[] = [];
  private readonly found = new Map<string, { readonly group: Measuring; readonly at: number; readonly way: StepWay }>();

  async add(
    ways: Readonly<Record<string, StepWay>>,
    begin: (ways: readonly StepWay[]) => Promise<Measuring>,
  ): Promise<void> {
    process.stderr.write(`starting: ${Object.keys(ways).join(', ')}\n`);
    const group = await begin(Object.values(ways));
    this.all.push(group);
    for (const [at, [name, way]] of Object.entries(ways).entries()) this.found.set(name, { group, at, way });
  }

  speeds(
    label: string,
    { rounds, steps }: Pick<StepsRequest, 'rounds' | 'steps'>,
  ): Promise<ReadonlyMap<string, readonly Speed[]>> {
    return inRounds([...this.found.keys()], rounds, label, async (name) => {
      const { group, at, way } = this.found.get(name) as NonNullable<ReturnType<typeof this.found.get>>;
      return speedOf(await group.measure(at, steps), way.batch);
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.all.map((group) => group.end()));
  }
}

function speedOf(answers: readonly Answer[], batch: number): Speed {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    imagesPerSecond: sum(answers.map(({ seconds }) => batch / median(seconds))),
    imagesPerSecondBest: sum(answers.map(({ seconds }) => batch / Math.min(...seconds))),
    seconds: sum(answers.map(({ seconds }) => median(seconds))) / answers.length,
    cpuSeconds: sum(answers.map(({ cpuSeconds }) => cpuSeconds)),
  };
}

type Speeds = ReadonlyMap<string, readonly Speed[]>;

/** The median over the rounds of a value of some ways' seconds in a round. */
function overRounds<const W extends readonly string[]>(
  speeds: Speeds,
  ways: W,
  value: (seconds: { readonly [I in keyof W]: number }) => number,
): number {
  const rounds = speeds.get(ways[0] as string)?.length ?? 0;
  const of = (round: number) => ways.map((way) => speeds.get(way)?.[round]?.seconds ?? Number.NaN);
  return median(Array.from({ length: rounds }, (_, round) => value(of(round) as { readonly [I in keyof W]: number })));
}

function summary(speeds: Speeds, sums: readonly SumType[]) {
  const over = (way: string, other: string): number =>
    median(
      (speeds.get(way) ?? []).map(
        ({ imagesPerSecond }, round) => imagesPerSecond / (speeds.get(other)?.[round]?.imagesPerSecond ?? Number.NaN),
      ),
    );
  const middle = (all: readonly Speed[]): Speed => ({
    imagesPerSecond: median(all.map(({ imagesPerSecond }) => imagesPerSecond)),
    imagesPerSecondBest: Math.max(...all.map(({ imagesPerSecondBest }) => imagesPerSecondBest)),
    seconds: median(all.map(({ seconds }) => seconds)),
    cpuSeconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
  });
  const others = (way: string) => [...speeds.keys()].filter((other) => other !== way && !other.endsWith('sums alone'));
  return {
    ways: Object.fromEntries([...speeds].map(([way, all]) => [way, middle(all)])),
    imagesPerSecondOver: Object.fromEntries(
      sums.map((way) => [way, Object.fromEntries(others(way).map((other) => [other, over(way, other)]))]),
    ),
    communicationShare: Object.fromEntries(
      sums.map((way) => [way, overRounds(speeds, [way, local], ([reduced, without]) => 1 - without / reduced)]),
    ),
  };
}

const percent = (share: number | undefined): string => `${(100 * (share ?? Number.NaN)).toFixed(0)} %`;

export function printSteps(result: StepsResult): void {
  const { part, case: name, images, workers, threads, gigabits, ways, imagesPerSecondOver, ...shares } = result;
  const first = Object.keys(imagesPerSecondOver)[0] ?? '';
  const where = gigabits === undefined ? `${workers} x ${threads} threads` : `2 machines, ${gigabits} Gb/s`;
  print(
    false,
    Object.entries(ways),
    [
      [`${name}, ${images} images, ${where}`, ([way]) => (way === one ? `one process x ${workers * threads}` : way)],
      ['images/s, median', ([, speed]) => speed.imagesPerSecond, 1],
      ['best', ([, speed]) => speed.imagesPerSecondBest, 1],
      ['ms', ([, { seconds }]) => 1000 * seconds, 1],
      ['ms of CPU', ([, { cpuSeconds }]) => 1000 * cpuSeconds, 1],
      [`${first} is x times`, ([way]) => imagesPerSecondOver[first]?.[way], 2],
    ],
    [
      `Share of the step that is communication: ${Object.entries(shares.communicationShare)
        .map(([way, share]) => `${way} ${percent(share)}`)
        .join(', ')}.`,
      ...(part === 'line' && shares.hiddenShare
        ? [
            `Share of the sums' own time that the step hides: ${Object.entries(shares.hiddenShare)
              .map(([way, share]) => `${way} ${percent(share)}`)
              .join(', ')}.`,
          ]
        : []),
      '',
    ],
  );
}
