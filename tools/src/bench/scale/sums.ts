/** All-reduce by itself, beside gloo's. */
import type { SumType } from '@headshare/core/runtime/ops/collective';
import { print } from '../command-line';
import { inRounds, median } from '../measurement';
import { headshareProcesses, type Measuring, type Place, torchProcesses } from './measuring';
import type { Way } from './ways';

export interface SumsRequest {
  readonly workers: number;
  readonly sums: readonly SumType[];
  readonly megabytes: readonly number[];
  readonly python: string | undefined;
  readonly rounds: number;
}

export interface SumsResult {
  readonly part: 'sums';
  readonly workers: number;
  /** Of float32 numbers; absent: one number, which takes two hops. */
  readonly megabytes?: number;
  readonly way: string;
  readonly seconds: number;
  readonly secondsBest: number;
  /** Of a process, in all threads. */
  readonly cpuSeconds: number;
  /** The median over the rounds; absent without `python`. */
  readonly timesGloo?: number;
}

/** Reductions a round. */
const times = 6;

export async function measureSums({
  workers,
  sums,
  megabytes,
  python,
  rounds,
}: SumsRequest): Promise<readonly SumsResult[]> {
  const place: Place = { processes: workers, threads: 1 };
  const ours: readonly Way[] = [
    { kind: 'hop' },
    ...megabytes.flatMap((size) => sums.map((one) => ({ kind: 'sum', sums: one, megabytes: size }) as const)),
  ];
  const theirs: readonly Way[] = python
    ? megabytes.map((size) => ({ kind: 'sum', sums: 'gloo', megabytes: size }))
    : [];
  process.stderr.write('starting: all-reduce alone\n');
  const groups: Measuring[] = [];
  try {
    const headshare = await headshareProcesses(ours, place);
    groups.push(headshare);
    const torch = python ? await torchProcesses(python, theirs, place) : undefined;
    if (torch) groups.push(torch);
    const ways = [...ours, ...theirs];
    const names = ways.map((way) => (way.kind === 'sum' ? `${way.megabytes} MB, ${way.sums}` : 'one number'));
    const measured = await inRounds(names, rounds, 'all-reduce alone, ', async (name) => {
      const i = names.indexOf(name);
      const answers = i < ours.length ? headshare.measure(i, times) : torch?.measure(i - ours.length, times);
      const all = (await answers) ?? [];
      return {
        seconds: median(all.flatMap(({ seconds }) => seconds)),
        best: Math.min(...all.flatMap(({ seconds }) => seconds)),
        cpu: median(all.map(({ cpuSeconds }) => cpuSeconds)),
      };
    });
    const of = (i: number) => measured.get(names[i] as string) ?? [];
    return ways.map((way, i): SumsResult => {
      const size = way.kind === 'sum' ? way.megabytes : undefined;
      const gloo = ways.findIndex((other) => other.kind === 'sum' && other.sums === 'gloo' && other.megabytes === size);
      return {
        part: 'sums',
        workers,
        ...(size !== undefined && { megabytes: size }),
        way: way.kind === 'sum' ? way.sums : 'float32',
        seconds: median(of(i).map(({ seconds }) => seconds)),
        secondsBest: Math.min(...of(i).map(({ best }) => best)),
        cpuSeconds: median(of(i).map(({ cpu }) => cpu)),
        ...(gloo >= 0 &&
          gloo !== i && {
            timesGloo: median(of(i).map(({ seconds }, round) => seconds / (of(gloo)[round]?.seconds ?? Number.NaN))),
          }),
      };
    });
  } finally {
    await Promise.all(groups.map((group) => group.end()));
  }
}

export function printSums(results: readonly SumsResult[]): void {
  print(
    false,
    results,
    [
      [
        `all-reduce alone, ${results[0]?.workers} processes`,
        ({ megabytes, way }) => `${megabytes === undefined ? 'one number' : `${megabytes} MB`}, ${way}`,
      ],
      ['ms, median', ({ seconds }) => 1000 * seconds, 1],
      ['best', ({ secondsBest }) => 1000 * secondsBest, 1],
      ['ms of CPU', ({ cpuSeconds }) => 1000 * cpuSeconds, 1],
      ['x gloo', ({ timesGloo }) => timesGloo, 1],
    ],
    [''],
  );
}
