import { execFileSync } from 'node:child_process';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { fail, readOptions, start, text, whole as wholeNumber } from '../command-line';
import { type HeadCase, type HeadMeasurement, measureHead } from './head-step';

const usage = `What a training step of a face head takes by its classes, of all of them and of a share (Partial FC), without a backbone.
npx nx run tools:bench-partial-fc [options]
  --classes=LIST   numbers of classes (93431, MS1M-V3's)
  --shares=LIST    shares of them that take part in a step; 1: all (1,0.1)
  --dimension=N    of embeddings (512)
  --images=N       images a step (64)
  --steps=N        steps of each, after two uncounted ones (10)
  --json           one JSON object a line instead of a table`;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    console.log(usage);
    return;
  }
  const batch = wholeNumber('--images', values.images);
  const dimension = wholeNumber('--dimension', values.dimension);
  const steps = wholeNumber('--steps', values.steps);
  const counts = values.classes.split(',').map((count) => wholeNumber('--classes', count, batch));
  const shares = values.shares.split(',').map(shareOf);
  const cases = counts.flatMap((classes) => shares.map((share) => ({ classes, share, dimension, batch })));
  const [only] = cases;
  const measured: HeadMeasurement[] = [];
  if (only && cases.length === 1) measured.push(await measureHead(only, steps));
  else for (const one of cases) measured.push(inItsOwnProcess(one, steps));
  if (values.json) for (const one of measured) console.log(JSON.stringify(one));
  else
    console.log(
      table(
        measured,
        `Batches of ${batch}, ${dimension} dimensions; cases one after the other, each in a process of its own.`,
      ),
    );
}

/** So that what one case leaves behind is not counted as the next one's memory. */
function inItsOwnProcess({ classes, share, dimension, batch }: HeadCase, steps: number): HeadMeasurement {
  process.stderr.write(`${classes} classes, share ${share}\n`);
  const of = { classes, shares: share, dimension, images: batch, steps };
  const options = Object.entries(of).map(([name, value]) => `--${name}=${value}`);
  const command = [...process.execArgv, __filename, ...options, '--json'];
  return JSON.parse(
    execFileSync(process.execPath, command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

function shareOf(given: string): number {
  const share = Number(given);
  if (!(share > 0 && share <= 1)) fail(`--shares must be above 0 and at most 1, got ${given}.`);
  return share;
}

const options = () =>
  readOptions({
    classes: text('93431'),
    shares: text('1,0.1'),
    dimension: text('512'),
    images: text('64'),
    steps: text('10'),
  });

function table(measured: readonly HeadMeasurement[], note: string): string {
  return terminalTable({
    columns: [
      { title: 'classes', digits: 0 },
      { title: 'in a step', digits: 0 },
      { title: 'ms a step, median', digits: 1 },
      { title: 'best', digits: 1 },
      { title: 'drawing, ms', digits: 2 },
      { title: 'weights and momentum, MB', digits: 0 },
      { title: 'resident before, MB', digits: 0 },
      { title: 'peak of steps', digits: 0 },
    ],
    rows: measured.map((one) => [
      one.classes,
      one.sampled,
      one.millisecondsMedian,
      one.millisecondsBest,
      one.drawMillisecondsMedian,
      one.headBytes / 1e6,
      one.residentBefore / 1e6,
      one.residentPeak / 1e6,
    ]),
    notes: [note],
  });
}

start(main);
