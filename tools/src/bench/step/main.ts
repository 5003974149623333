import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { fail, listed, measuredBy, readOptions, script, start, text, whole } from '../command-line';
import { type CaseName, stepCases } from './cases';
import { type Measurement, median } from './measurement';

const run = promisify(execFile);

const usage = `How many images a second a training step takes: one line a case.
npx nx run tools:bench-step [options]
  --json            one JSON object a line instead of a table
  --cases=LIST      of ${Object.keys(stepCases).join(', ')} (all)
  --ways=LIST       plain: tf.* on tfjs-node; fused: headshare's operations one by one (--eager); compiled: what trains (these
                    three); recompute, bfloat16: compiled, with --recompute or --precision=bfloat16
  --python=COMMAND  a Python with torch: PyTorch's side (torch, torch-channels-last, torch-compile) in the same minutes
  --steps=N         steps a measurement, the first four uncounted (24)
  --rounds=N        measurements of every way, in turn; the table has their medians (3)
  --images=N        images a step (each case's own)`;

const ours = ['plain', 'fused', 'compiled'] as const;
const variants = ['recompute', 'bfloat16'] as const;
const torch = ['torch', 'torch-channels-last', 'torch-compile'] as const;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const cases = listed('--cases', values.cases, Object.keys(stepCases)) as CaseName[];
  const ways = [...listed('--ways', values.ways, [...ours, ...variants]), ...(values.python ? torch : [])];
  const steps = whole('--steps', values.steps, 6);
  const rounds = whole('--rounds', values.rounds, 1);
  if (values.python) await requireTorch(values.python);
  for (const name of cases) {
    const batch = values.images === undefined ? stepCases[name].batch : whole('--images', values.images, 2);
    const measured = new Map<string, Measurement[]>(ways.map((way) => [way, []]));
    for (let round = 0; round < rounds; round++) {
      for (const way of ways) {
        process.stderr.write(`${name}, round ${round + 1}/${rounds}: ${way}\n`);
        measured.get(way)?.push(await child(way, [name, `${batch}`, `${steps}`, way], values.python ?? 'python3'));
      }
    }
    const result = summary(name, batch, measured);
    if (values.json) console.log(JSON.stringify(result));
    else console.log(table(result));
  }
}

const options = () =>
  readOptions({
    cases: text(Object.keys(stepCases).join()),
    ways: text(ours.join()),
    python: { type: 'string' },
    steps: text('24'),
    rounds: text('3'),
    images: { type: 'string' },
  });

async function requireTorch(python: string): Promise<void> {
  try {
    await run(python, ['-c', 'import torch']);
  } catch {
    fail(`--python: '${python}' cannot import torch; name a Python that can (pip install torch).`);
  }
}

async function child(way: string, args: readonly string[], python: string): Promise<Measurement> {
  const [command, ...leading] = (torch as readonly string[]).includes(way)
    ? [python, join(__dirname, 'torch_step.py')]
    : [process.execPath, ...script(join(__dirname, 'child.ts'))];
  return measuredBy(command ?? '', [...leading, ...args]);
}

interface Summary {
  readonly case: string;
  readonly batch: number;
  readonly ways: Readonly<Record<string, Measurement>>;
  /** Median images a second of compiled over that of others, round by round; the middle one. */
  readonly compiledOver: Readonly<Record<string, number>>;
  /** What an empty call takes, over a compiled step. */
  readonly callShare?: number;
}

function summary(name: string, batch: number, measured: ReadonlyMap<string, readonly Measurement[]>): Summary {
  const ways = Object.fromEntries([...measured].map(([way, all]) => [way, middle(all)]));
  const compiled = measured.get('compiled');
  const over = (others: readonly string[]): number =>
    median(
      (compiled ?? []).map((mine, round) => {
        const best = Math.max(...others.map((way) => measured.get(way)?.[round]?.imagesPerSecondMedian ?? Number.NaN));
        return mine.imagesPerSecondMedian / best;
      }),
    );
  const others = [...measured.keys()].filter((way) => compiled && way !== 'compiled');
  const better: Record<string, number> = {};
  if (compiled && torch.every((way) => measured.has(way))) better['best-of-torch'] = over(torch);
  const { emptyCallSeconds, imagesPerSecondMedian } = ways.compiled ?? {};
  return {
    case: name,
    batch,
    ways,
    compiledOver: { ...Object.fromEntries(others.map((way) => [way, over([way])])), ...better },
    ...(emptyCallSeconds && imagesPerSecondMedian && { callShare: (emptyCallSeconds * imagesPerSecondMedian) / batch }),
  };
}

function table({ case: name, batch, ways, compiledOver, callShare }: Summary): string {
  const rows = Object.entries(ways).map(([way, one]) => [
    way,
    one.imagesPerSecondMedian,
    one.imagesPerSecondBest,
    compiledOver[way],
    one.firstSeconds,
    one.peakMegabytes,
  ]);
  const share =
    callShare === undefined ? [] : [`An empty call takes ${(100 * callShare).toFixed(2)} % of a compiled step.`];
  return `${terminalTable({
    columns: [
      { title: `${name}, batch ${batch}` },
      { title: 'images/s, median', digits: 1 },
      { title: 'best', digits: 1 },
      { title: 'compiled is x times' },
      { title: 'first step, s', digits: 1 },
      { title: 'peak MB', digits: 0 },
    ],
    rows,
    notes: share,
  })}\n`;
}

function middle(all: readonly Measurement[]): Measurement {
  const of = (key: keyof Measurement) => median(all.map((one) => one[key] ?? Number.NaN));
  return {
    imagesPerSecondMedian: of('imagesPerSecondMedian'),
    imagesPerSecondBest: Math.max(...all.map((one) => one.imagesPerSecondBest)),
    firstSeconds: of('firstSeconds'),
    peakMegabytes: of('peakMegabytes'),
    ...(all[0]?.emptyCallSeconds !== undefined && { emptyCallSeconds: of('emptyCallSeconds') }),
  };
}

start(main);
