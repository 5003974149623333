/** A whole sweep: real processes of experiments that finish at once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryPackage } from '../../../test/temporary-package';

/** Experiments log to the file `events`; the file `fails-<width>` makes a student fail, `waits` makes it wait. */
const preamble = `import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
const root = join(__dirname, '../../..');
const record = (line: string) => appendFileSync(join(root, 'events'), line + '\\n');
`;
const experiments = {
  teacher: `${preamble}
  export default defineExperiment({
    summary: 'Train the teacher',
    options: { seed: integer({ default: 1, min: 0, help: '' }) },
    run: async ({ options }) => {
      record('begin teacher ' + options.seed);
      record('end teacher ' + options.seed);
      return { metrics: { accuracy: 1 }, summary: 'teacher' };
    },
  });`,
  student: `${preamble}
  import teacher from './teacher';
  export default defineExperiment({
    summary: 'Train the student',
    needs: { teacher },
    options: { seed: integer({ default: 1, min: 0, help: '' }), width: integer({ default: 1, min: 1, help: '' }) },
    run: async ({ options: { seed, width }, folder, signal, stage }) => {
      await stage(teacher);
      const resumed = existsSync(join(folder, 'checkpoint'));
      record((resumed ? 'resume' : 'begin') + ' student ' + width + ' ' + seed);
      const fails = join(root, 'fails-' + width);
      if (existsSync(fails)) {
        if (readFileSync(fails, 'utf8') === 'once') rmSync(fails);
        throw new Error('no width ' + width + ' today');
      }
      writeFileSync(join(root, 'student.pid'), String(process.pid));
      while (existsSync(join(root, 'waits'))) {
        if (signal.aborted) writeFileSync(join(folder, 'checkpoint'), '');
        signal.throwIfAborted();
        await sleep(20);
      }
      record('end student ' + width + ' ' + seed);
      return { metrics: { accuracy: width }, summary: 'student' };
    },
  });`,
  sweep: `import student from './student';
  import teacher from './teacher';
  import { repeatable } from '${join(__dirname, '../option')}';
  import { axesOf } from '${join(__dirname, 'axes')}';
  import { planSweep } from '${join(__dirname, 'plan-sweep')}';
  import { failed, processOptions, runApart } from '${join(__dirname, 'run-apart')}';
  export default defineExperiment({
    summary: 'Sweep',
    uses: { student, teacher },
    options: { seed: integer({ default: 1, min: 0, help: '' }), seeds: integer({ default: 1, min: 1, help: '' }),
               sweep: repeatable(text({ help: 'option=value,value' })), ...processOptions },
    check: (options) => { axesOf(options, student, 'student'); },
    run: async (context) => {
      const { options, plan } = context;
      const runs = await planSweep({
        axes: axesOf(options, student, 'student'),
        seeds: Array.from({ length: options.seeds }, (_, i) => options.seed + i),
        titleOf: ({ experiment }) => (experiment === student ? 'student' : 'teacher'),
        reads: ({ experiment }, option) => experiment === student || option === 'seed',
        stagesOf: async (given) => [await plan(student, given)],
      });
      const failures = await runApart(runs, options, context);
      if (failures.length > 0) throw failed(failures, runs.length);
      return { metrics: { trainings: runs.length }, summary: runs.length + ' trainings' };
    },
  });`,
};

const made = temporaryPackage(experiments);
const { root } = made;
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of ['events', 'student.pid', 'waits', 'runs', 'artifacts'])
    rmSync(join(root, name), { recursive: true, force: true });
});

interface Sweep {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
}

function start(...options: string[]): Sweep {
  const file = join(made.folder, 'experiments/sweep.ts');
  const command = ['-r', join(__dirname, '../../../register.cjs'), join(__dirname, '../main.ts'), file, ...options];
  // No server listens there, and nobody tries again: the test needs no records in MLflow.
  const env = { ...process.env, MLFLOW_TRACKING_URI: 'http://127.0.0.1:9', MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0' };
  const child = spawn(process.execPath, command, { env, cwd: join(__dirname, '../../..') });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  return { child, ended: once(child, 'close').then(() => ({ code: child.exitCode, output })) };
}

/** The process of the waiting student; 0 before it has started. */
const studentPid = (): number => {
  const file = join(root, 'student.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
};

const events = (): string[] => {
  const file = join(root, 'events');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** The numbers of finished trainings that each run of an experiment logged. */
const doneOf = (experiment: string): number[][] =>
  readdirSync(join(root, 'runs/demo', experiment)).map((key) => {
    const journal = readFileSync(join(root, 'runs/demo', experiment, key, 'journal.jsonl'), 'utf8');
    return [...journal.matchAll(/"step":(\d+),"values":{"sweep\/done":(\d+)}/g)].map(([, , done]) => Number(done));
  });

/** The tags and the journal's id of each run of an experiment. */
const journals = (experiment: string): { id: string; tags: Readonly<Record<string, string>> }[] =>
  readdirSync(join(root, 'runs/demo', experiment)).map((key) => {
    const lines = readFileSync(join(root, 'runs/demo', experiment, key, 'journal.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const events = lines.map((line) => JSON.parse(line));
    return { id: events[0].id, tags: Object.assign({}, ...events.map(({ tags }) => tags)) };
  });

test('each training runs once, after those it needs, and as many at a time as --jobs', async () => {
  const options = ['--sweep=width=1,2', '--seeds=2', '--jobs=2'];
  const { code, output } = await start(...options).ended;
  expect([code, output]).toEqual([0, expect.stringContaining('0 of 6 trainings are done already; 2 at a time')]);
  const lines = events();
  expect([...lines].sort()).toEqual([
    ...['begin student 1 1', 'begin student 1 2', 'begin student 2 1', 'begin student 2 2'],
    ...['begin teacher 1', 'begin teacher 2'],
    ...['end student 1 1', 'end student 1 2', 'end student 2 1', 'end student 2 2', 'end teacher 1', 'end teacher 2'],
  ]);
  for (const [i, line] of lines.entries()) {
    const [what, who, width, seed] = line.split(' ');
    if (what === 'begin' && who === 'student') expect(lines.slice(0, i)).toContain(`end teacher ${seed}`);
    const begun = lines.slice(0, i + 1).filter((one) => one.startsWith('begin')).length;
    expect(2 * begun - (i + 1)).toBeLessThanOrEqual(2);
    expect(width).toBeDefined();
  }
  const [sweep] = journals('sweep');
  for (const run of [...journals('teacher'), ...journals('student')]) {
    expect(run.tags['headshare.parent']).toBe(sweep?.id);
  }
  // Only a run that somebody asked for becomes the latest of its target.
  expect(readdirSync(join(root, 'artifacts/demo'))).toEqual(['sweep']);

  // --jobs does not change the result.
  const again = await start('--sweep=width=1,2', '--seeds=2', '--jobs=1').ended;
  expect(again.output).toContain('sweep: done already');
  const more = await start('--sweep=width=1,2', '--seeds=3', '--jobs=1').ended;
  expect(more.output).toContain('6 of 9 trainings are done already');
  expect(events()).toHaveLength(18);
  // The trainings of an earlier sweep are done.
  const done = doneOf('sweep').find(([first = 0]) => first >= 6);
  expect([...new Set(done)]).toEqual([6, 7, 8, 9]);
}, 300_000);

test('a failed training is retried, then reported while the rest goes on; the same command retries only that', async () => {
  writeFileSync(join(root, 'fails-2'), 'once');
  writeFileSync(join(root, 'fails-3'), 'always');
  const { code, output } = await start('--sweep=width=1,2,3', '--jobs=1').ended;
  expect(code).toBe(1);
  expect(output).toContain('student, width 2, seed 1: tried again');
  expect(output).toMatch(
    /1 of 4 trainings failed; the same command tries them again\.\n {2}student, width 3, seed 1: exit code 1, Error: no width 3 today \(\S+runs\/demo\/student\/\w{12}\/output\.log\)\n/,
  );
  expect(events().filter((line) => line.startsWith('end'))).toEqual([
    'end teacher 1',
    'end student 1 1',
    'end student 2 1',
  ]);
  rmSync(join(root, 'fails-3'));
  const again = await start('--sweep=width=1,2,3', '--jobs=1').ended;
  expect([again.code, again.output]).toEqual([0, expect.stringContaining('3 of 4 trainings are done already')]);
}, 300_000);

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'after %s no process is left, and the same command resumes',
  async (signal) => {
    writeFileSync(join(root, 'waits'), '');
    const { child, ended } = start('--seeds=1', '--jobs=2');
    await until(() => events().includes('begin student 1 1') && studentPid() > 0);
    const pid = studentPid();
    child.kill(signal);
    expect((await ended).code).toBe(signal === 'SIGTERM' ? 143 : null);
    await until(() => !isAlive(pid));
    rmSync(join(root, 'student.pid'));
    rmSync(join(root, 'waits'));
    const { code, output } = await start('--seeds=1', '--jobs=2').ended;
    expect([code, output]).toEqual([0, expect.stringContaining('1 of 2 trainings are done already')]);
    expect(events().slice(-2)).toEqual(['resume student 1 1', 'end student 1 1']);
    expect(journals('sweep')).toHaveLength(1);
  },
  300_000,
);

test('a training that is stopped stops the sweep: Nx passes Ctrl-C to the leaves of the process tree first, and waits', async () => {
  writeFileSync(join(root, 'waits'), '');
  const { ended } = start('--sweep=width=1,2', '--jobs=1');
  await until(() => studentPid() > 0);
  process.kill(studentPid(), 'SIGTERM');
  const { code, output } = await ended;
  expect([code, output]).toEqual([143, expect.stringContaining('Interrupted. Run the same command again to resume.')]);
  expect(events()).toEqual(['begin teacher 1', 'end teacher 1', 'begin student 1 1']);
}, 300_000);

test.each([
  ['--sweep=wdth=1,2', '--sweep: student reads no option --wdth; did you mean --width?'],
  ['--sweep=width=0', '--sweep: --width must be a whole number of at least 1, got 0'],
])('%s is refused before anything runs', async (option, sentence) => {
  const { code, output } = await start(option).ended;
  expect([code, output.trim()]).toEqual([2, sentence]);
  expect(existsSync(join(root, 'runs'))).toBe(false);
});
