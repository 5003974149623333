import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { teacherAndStudent, temporaryPackage } from '../../test/temporary-package';
import { writeSyncState } from '../tracking/sync/sync-state';
import { noOpTracker } from '../tracking/tracker';
import { loadCatalog } from './catalog';
import type { Stage } from './define';
import type { Session } from './plan-run';
import { publish, runStage } from './run-stage';

/** A session over a new package; `lines` collects the terminal's lines, `tracked` the trackers' calls. */
function session(experiments: Readonly<Record<string, string>> = teacherAndStudent) {
  const { root, folder } = temporaryPackage(experiments);
  const catalog = loadCatalog(folder);
  const lines: string[] = [];
  const tracked: string[] = [];
  const controller = new AbortController();
  const base: Session = {
    catalog,
    signal: controller.signal,
    log: (line) => lines.push(line),
    data: 'embedded',
    digests: new Map(),
    unsent: new Set(),
    sources: 'sources',
    track: async ({ runName, folder }) => ({
      ...noOpTracker,
      metrics: (values) => tracked.push(`${runName}: ${JSON.stringify(values)}`),
      finish: async (status) => {
        tracked.push(`${runName}: ${status}`);
        const address = `http://mlflow/${runName}`;
        const sent = { destination: 'http://mlflow', experimentId: '1', runId: '2', address, bytes: 0, refused: [] };
        writeSyncState(join(folder, 'journal.jsonl'), sent);
        return { address };
      },
    }),
  };
  const get = (name: string): Stage => {
    const found = catalog.experiments.get(name);
    if (found === undefined) throw new Error(catalog.broken.get(name)?.message ?? `no ${name}`);
    return found;
  };
  return { root, base, get, lines, tracked, controller };
}

const defaults = { profile: 'default', given: {} };

describe('runStage', () => {
  it('runs needed stages first, stores results and configurations, and tracks them', async () => {
    const { base, get, tracked } = session();
    const { run, folder } = await runStage(get('student'), { profile: 'smoke', given: { seed: 3 } }, base);
    expect(run.result).toMatchObject({ metrics: { teacher: 2 }, summary: 'student after teacher' });
    expect(run.address).toBe('http://mlflow/student th-kd seed 3 smoke');
    const files = ['config.json', 'environment.json', 'journal.sent.json', 'result.json'];
    expect(readdirSync(folder).sort()).toEqual(files);
    expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toMatchObject({
      package: 'demo',
      profile: 'smoke',
      experiment: 'student',
      options: { student: { seed: 3, epochs: 1 }, teacher: { seed: 3, teacherEpochs: 2 } },
    });
    expect(tracked).toEqual([
      'teacher seed 3 smoke: {"final/accuracy":2}',
      'teacher seed 3 smoke: FINISHED',
      'student th-kd seed 3 smoke: {"final/teacher":2}',
      'student th-kd seed 3 smoke: FINISHED',
    ]);
  });

  it('runs the same work once', async () => {
    const { base, get, tracked } = session();
    const first = await runStage(get('student'), defaults, base);
    const events = tracked.length;
    const again = await runStage(get('student'), defaults, base);
    expect(again).toEqual({ ...first, reused: true });
    expect(tracked).toHaveLength(events);
  });

  it.each([
    ['another option', { given: { epochs: 2 } }, {}],
    ['changed data', {}, { data: '3-files-00' }],
    ['changed sources', {}, { sources: 'other' }],
  ])('runs again for %s', async (_, settings, change) => {
    const { base, get } = session();
    const first = await runStage(get('student'), defaults, base);
    const other = await runStage(get('student'), { ...defaults, ...settings }, { ...base, ...change });
    expect(other.reused).toBe(false);
    expect(other.folder).not.toBe(first.folder);
  });

  it('trains one teacher for students that differ in their own options', async () => {
    const { base, get, root } = session();
    for (const epochs of [1, 2, 3]) await runStage(get('student'), { ...defaults, given: { epochs } }, base);
    expect(readdirSync(join(root, 'runs/demo/teacher'))).toHaveLength(1);
    expect(readdirSync(join(root, 'runs/demo/student'))).toHaveLength(3);
  });

  it('passes overrides to a stage and to the stages that it needs', async () => {
    const compare = `import student from './student';
      export default defineExperiment({
        summary: 'Compare', uses: { student }, options: {},  profiles: { smoke: {} },
        run: async ({ stage }) => {
          const results = [];
          for (const seed of [1, 2]) results.push((await stage(student, { seed })).result.options.seed);
          return { metrics: {}, summary: results.join(' ') };
        },
      });`;
    const { base, get, root } = session({ ...teacherAndStudent, compare });
    const { run } = await runStage(get('compare'), defaults, base);
    expect(run.result.summary).toBe('1 2');
    expect(readdirSync(join(root, 'runs/demo/teacher'))).toHaveLength(2);
  });

  it('resumes an interrupted run in its folder', async () => {
    const slow = `import { existsSync, writeFileSync } from 'node:fs';
      export default defineExperiment({
        summary: 'Slow', options: {},
        run: async ({ folder, signal, log }) => {
          if (existsSync(folder + '/checkpoint')) return { metrics: {}, summary: 'from the checkpoint' };
          writeFileSync(folder + '/checkpoint', '');
          log('under way');
          while (!signal.aborted) await new Promise(setImmediate);
          return { metrics: {}, summary: 'cut short' };
        },
      });`;
    const { base, get, controller, lines, tracked } = session({ slow });
    const log = (line: string): void => (line === 'under way' ? controller.abort() : base.log(line));
    const cut = runStage(get('slow'), defaults, { ...base, log });
    await expect(cut).rejects.toThrow('aborted');
    expect(tracked).toEqual(['slow: KILLED']);

    const { run } = await runStage(get('slow'), defaults, { ...base, signal: new AbortController().signal });
    expect(run.result.summary).toBe('from the checkpoint');
    expect(lines[0]).toMatch(/^slow: starts in runs\/demo\/slow\//);
    expect(lines[1]).toMatch(/^slow: resumes in runs\/demo\/slow\//);
  });

  it('waits for another process that runs the same, and uses its result', async () => {
    const { base, get } = session();
    const [first, second] = await Promise.all([0, 1].map(() => runStage(get('teacher'), defaults, base)));
    expect(second?.run).toEqual(first?.run);
    expect([first?.reused, second?.reused].sort()).toEqual([false, true]);
  });

  it('logs system metrics of a tracked run until it ends', async () => {
    const patient = `import { existsSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      export default defineExperiment({
        summary: 'Patient', options: {},
        run: async ({ folder }) => {
          while (!existsSync(folder + '/looked')) await sleep(10);
          return { metrics: {}, summary: 'has been looked at' };
        },
      });`;
    const { base, get, tracked } = session({ patient });
    const track: Session['track'] = async (run) => {
      const tracker = await base.track(run);
      const metrics: typeof tracker.metrics = (values, step) => {
        if ('system/process_memory_usage_megabytes' in values) writeFileSync(join(run.folder, 'looked'), '');
        tracker.metrics(values, step);
      };
      return { ...tracker, id: 'recorded', metrics };
    };
    process.env.MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL = '0.02';
    try {
      await runStage(get('patient'), defaults, { ...base, track });
    } finally {
      delete process.env.MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL;
    }
    expect(tracked[0]).toContain('"system/process_memory_usage_megabytes":');
    expect(tracked.at(-1)).toBe('patient: FINISHED');
    const events = tracked.length;
    await sleep(100);
    expect(tracked).toHaveLength(events);
  });

  it('stores the same result that it sends to MLflow', async () => {
    const { base, get } = session();
    const sent: string[] = [];
    const track: Session['track'] = async (run) => {
      const artifact = (path: string) => {
        if (path.endsWith('result.json')) sent.push(readFileSync(path, 'utf8'));
      };
      return { ...(await base.track(run)), artifact };
    };
    const { run, folder } = await runStage(get('teacher'), defaults, { ...base, track });
    expect(run.address).toBe('http://mlflow/teacher seed 0');
    expect(sent).toEqual([readFileSync(join(folder, 'result.json'), 'utf8')]);
  });

  it('closes the record of a finished run that was killed before it could', async () => {
    const { base, get, lines } = session();
    const { folder } = await runStage(get('teacher'), defaults, base);
    const journal = join(folder, 'journal.jsonl');
    const start = { time: 1, type: 'start', id: 'a', experiment: 'headshare/demo', name: 'a' };
    writeFileSync(journal, `${JSON.stringify(start)}\n{"time":2,"type":"met`);
    for (const _ of [1, 2]) expect((await runStage(get('teacher'), defaults, base)).reused).toBe(true);
    const ended = readFileSync(journal, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(ended).toEqual([
      start,
      { time: 1, type: 'artifact', folder: '', path: 'result.json' },
      { time: 1, type: 'finish', status: 'FINISHED' },
    ]);
    const told = lines.filter((line) => line.includes('tools:sync'));
    expect(told).toEqual([
      'teacher: killed before MLflow learned that it had finished; `npx nx run tools:sync` sends the rest',
    ]);
  });

  it('collects why its runs are not in MLflow, and logs nothing about it', async () => {
    const { base, get, lines } = session();
    const track: Session['track'] = async () => ({ ...noOpTracker, finish: async () => ({ unsent: 'no server' }) });
    await runStage(get('student'), defaults, { ...base, track });
    expect([...base.unsent]).toEqual(['no server']);
    expect(lines.join('\n')).not.toContain('no server');
  });

  it('logs what MLflow refused of a run that failed', async () => {
    const fails = `export default defineExperiment({
      summary: 'Fails', options: {}, run: async () => { throw new Error('no convergence'); },
    });`;
    const { base, get, lines } = session({ fails });
    const track: Session['track'] = async () => ({
      ...noOpTracker,
      finish: async () => ({ note: 'not all is there' }),
    });
    await expect(runStage(get('fails'), defaults, { ...base, track })).rejects.toThrow('no convergence');
    expect(lines.at(-1)).toBe('not all is there');
  });

  it('runs without system metrics if they cannot be measured', async () => {
    const { base, get, lines } = session();
    const track: Session['track'] = async (run) => ({
      ...(await base.track(run)),
      id: 'recorded',
      lastStep: () => {
        throw new Error('no such file: /proc/stat');
      },
    });
    expect((await runStage(get('teacher'), defaults, { ...base, track })).reused).toBe(false);
    expect(lines).toContain('System metrics are off: no such file: /proc/stat.');
  });

  it("fails with the experiment's error and stores no result", async () => {
    const fails = `export default defineExperiment({
      summary: 'Fails', options: {}, run: async () => { throw new Error('no convergence'); },
    });`;
    const { base, get, tracked } = session({ fails });
    await expect(runStage(get('fails'), defaults, base)).rejects.toThrow('no convergence');
    await expect(runStage(get('fails'), defaults, base)).rejects.toThrow('no convergence');
    expect(tracked).toEqual(['fails: FAILED', 'fails: FAILED']);
  });
});

describe('artifacts/', () => {
  it('holds a copy of the last run, which is restored if runs/ is gone', async () => {
    const { base, get, root } = session();
    const done = await runStage(get('teacher'), defaults, base);
    writeFileSync(join(done.folder, 'weights'), 'w');
    await publish('teacher', done, base.catalog);
    rmSync(join(root, 'runs'), { recursive: true });

    const back = await runStage(get('teacher'), defaults, base);

    // The address is stored beside the journal.
    expect(back).toEqual({ ...done, run: { ...done.run, address: undefined }, reused: true });
    expect(existsSync(join(back.folder, 'weights'))).toBe(true);
  });

  it('keeps the journal of an interrupted run, which MLflow may lack', async () => {
    const { base, get, root } = session();
    const done = await runStage(get('teacher'), defaults, base);
    await publish('teacher', done, base.catalog);
    rmSync(join(done.folder, 'result.json'));
    writeFileSync(
      join(done.folder, 'journal.jsonl'),
      '{"time":1,"type":"start","id":"a","experiment":"e","name":"n"}\n',
    );
    mkdirSync(join(done.folder, 'journal.files'));
    writeFileSync(join(done.folder, 'journal.files/kept'), 'not sent yet');

    const back = await runStage(get('teacher'), defaults, base);

    expect(back).toEqual({ ...done, run: { ...done.run, address: undefined }, reused: true });
    expect(readFileSync(join(back.folder, 'journal.jsonl'), 'utf8')).toMatch(/"id":"a".*\n.*\n.*"FINISHED"}\n$/);
    expect(readFileSync(join(back.folder, 'journal.files/kept'), 'utf8')).toBe('not sent yet');
    expect(readdirSync(join(root, 'runs/demo/teacher'))).toEqual([back.run.key]);
  });

  it('is ignored for other settings', async () => {
    const { base, get, root } = session();
    await publish('teacher', await runStage(get('teacher'), defaults, base), base.catalog);
    rmSync(join(root, 'runs'), { recursive: true });
    mkdirSync(join(root, 'runs'));
    expect((await runStage(get('teacher'), { ...defaults, given: { seed: 1 } }, base)).reused).toBe(false);
  });
});
