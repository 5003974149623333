import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryPackage } from '../../test/temporary-package';
import { bytesIn } from '../../test/tiny-training';
import { stream } from '../system/random';
import type { EventOf } from '../tracking/journal/event';
import { readJournal } from '../tracking/journal/journal';
import { hasResumePoint } from '../train/resume-point';

/** The number of kills. */
const kills = 20;

/** A training of some seconds, with a checkpoint after about every third step. */
const experiment = `import { tinyTask, trainTiny } from '${join(__dirname, '../../test/tiny-training')}';
export default defineExperiment({
  summary: 'Train something tiny',
  options: { seed: integer({ default: 1, min: 0, help: 'of all randomness' }) },
  run: async ({ folder, signal, tracker, log, options: { seed } }) => {
    const settings = { seed, epochs: 6, emaDecay: 0.9, checkpointMinutes: 1e-4 };
    const { last, files, temporaryFiles } = await trainTiny({ folder, signal, tracker, log, task: tinyTask(48), settings });
    return { metrics: last, summary: 'trained', files, temporaryFiles };
  },
});`;

const { root, folder } = temporaryPackage({ train: experiment });
afterAll(() => rmSync(root, { recursive: true }));

interface Ended {
  /** Milliseconds between the first and the last line about the training. */
  readonly trained: number;
  readonly killed: boolean;
  /** Whether there was a line about the training: after it the process is killed. */
  readonly hasTold: boolean;
}

/** Runs the command, and kills it `killAfter` milliseconds after its first line about the training. */
async function run(killAfter?: number): Promise<Ended> {
  const command = [
    '-r',
    join(__dirname, '../../register.cjs'),
    join(__dirname, 'main.ts'),
    join(folder, 'experiments/train.ts'),
  ];
  // The test compares journals and needs no server.
  const env = { ...process.env, MLFLOW_TRACKING_URI: 'databricks' };
  const child = spawn(process.execPath, command, {
    env,
    cwd: join(__dirname, '../..'),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let first: number | undefined;
  let last = 0;
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('student: ')) continue;
    last = performance.now();
    if (first === undefined && killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter);
    first ??= last;
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const killed = child.signalCode === 'SIGKILL';
  if (!killed) expect(child.exitCode).toBe(0);
  return { trained: last - (first ?? last), killed, hasTold: first !== undefined };
}

const only = (path: string): string => join(path, readdirSync(path)[0] as string);
const runFolder = () => only(join(root, 'runs/demo/train'));

/** The results of a finished run: the bytes of its networks, logits and metrics, and the journal's metrics by step. */
async function left() {
  const { result } = JSON.parse(readFileSync(join(runFolder(), 'result.json'), 'utf8'));
  const metrics: [string, number, number][] = [];
  const starts = new Set<string>();
  for await (const { event } of readJournal(join(runFolder(), 'journal.jsonl'))) {
    if (event.type === 'start') starts.add(event.id);
    if (event.type === 'metrics') metrics.push(...pointsOf(event));
  }
  return {
    files: bytesIn(runFolder()),
    result: result.metrics,
    metrics: metrics.sort((a, b) => a[0].localeCompare(b[0]) || a[1] - b[1]),
    runs: starts.size,
  };
}

const pointsOf = ({ values, step }: EventOf<'metrics'>) =>
  Object.entries(values)
    // These depend on the clock and the machine.
    .filter(([name]) => !/\/(data_wait_share|images_per_second)$|^system\//.test(name))
    .map(([name, value]): [string, number, number] => [name, step, value]);

const forget = () => rmSync(join(root, 'runs'), { recursive: true, force: true });

test(`${kills} kills at random moments change no bit of the results, and no step is logged twice`, async () => {
  let { trained } = await run();
  const expected = await left();
  expect(Object.keys(expected.files).sort()).toEqual([
    'best.safetensors',
    'last.safetensors',
    'test-predictions.safetensors',
  ]);
  expect(new Set(expected.metrics.map(([name, step]) => `${name} ${step}`)).size).toBe(expected.metrics.length);
  expect(expected.metrics.filter(([name]) => name === 'step/loss')).toHaveLength(72);

  const random = stream(1, 'kills');
  let killed = 0;
  let amid = 0;
  while (killed < kills) {
    rmSync(join(root, 'artifacts'), { recursive: true, force: true });
    forget();
    for (let isFresh = true; killed < kills; isFresh = false) {
      // A resumed training is shorter than a whole one.
      const ended = await run((trained / 2) * random.float());
      // One that was killed after its last step has nothing to tell.
      if (isFresh) expect(ended.hasTold).toBe(true);
      if (!ended.killed) {
        // Measure again: the first training may have been slow, and faster ones would end before they are killed.
        if (isFresh) trained = ended.trained;
        break;
      }
      killed++;
      if (hasResumePoint(join(runFolder(), 'training.safetensors'))) amid++;
    }
    if (!existsSync(join(runFolder(), 'result.json'))) await run();
    expect(await left()).toEqual(expected);
  }
  expect(amid).toBeGreaterThan(kills / 2);
}, 600_000);
