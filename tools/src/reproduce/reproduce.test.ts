/** Runs of experiments without training, in a temporary workspace and in other processes. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@headshare/core/system/user-error';
import { removeTemporaryWorkspaces, temporaryWorkspace, write } from '../../test/temporary-workspace';
import { type Request, reproduce } from './reproduce';

const imports = `import { writeFileSync } from 'node:fs';
import { defineExperiment } from '@headshare/core/experiment/define';
import { flag, integer, list, number, optional, text } from '@headshare/core/experiment/option';
`;
const teacher = `${imports}
export default defineExperiment({
  summary: 'Train the teacher',
  options: { seed: integer({ default: 0, min: 0, help: 'of all randomness' }) },
  profiles: { smoke: { epochs: 1 } },
  run: async ({ folder, options, log }) => {
    log('the teacher is trained');
    writeFileSync(folder + '/last.safetensors', 'teacher ' + options.seed);
    return { metrics: { accuracy: 0.9 }, summary: 'teacher', files: ['last.safetensors'] };
  },
});
`;
/** Its sums depend on how many threads there are, as real ones do. */
const student = `${imports}
import teacher from './teacher';
const gain = 1;
export default defineExperiment({
  summary: 'Train the student',
  needs: { teacher },
  options: { seed: integer({ default: 0, min: 0, help: 'of all randomness' }),
             epochs: integer({ default: 12, min: 1, help: 'passes over the data' }),
             rate: number({ default: 0.1, above: 0, help: 'learning rate' }),
             milestones: list(number({ help: 'share of the epochs' }), { default: [0.5], min: 0, help: 'where the rate falls' }),
             flip: flag({ help: 'mirrors pictures' }),
             retry: integer({ default: 1, min: 0, notInKey: true, help: 'changes nothing about the result' }),
             note: optional(text({ help: 'anything' })) },
  profiles: { smoke: { epochs: 1, note: 'a profile\\'s' } },
  run: async ({ folder, options, stage, signal }) => {
    await stage(teacher);
    if (options.note === 'endless') {
      while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
      signal.throwIfAborted();
    }
    const threads = Number(process.env.HEADSHARE_THREADS);
    const accuracy = 0.5 + Math.sin(options.seed) / 100 + threads * 1e-4 * gain + options.rate / 3;
    writeFileSync(folder + '/last.safetensors', JSON.stringify([options, accuracy]));
    return { metrics: { accuracy, lost: Number.NaN }, summary: 'student', files: ['last.safetensors'] };
  },
});
`;

const files = { 'packages/demo/experiments/teacher.ts': teacher, 'packages/demo/experiments/student.ts': student };
let root: string;
beforeEach(() => {
  root = temporaryWorkspace(files);
});
afterEach(removeTemporaryWorkspaces);

/** Runs an experiment, as Nx does; its folder. */
function made(words: readonly string[] = [], threads = '1', name = 'student'): string {
  const before = runsOf(name);
  const command = ['-r', './packages/core/register.cjs', 'packages/core/src/experiment/main.ts'];
  execFileSync(process.execPath, [...command, `packages/demo/experiments/${name}.ts`, ...words], {
    cwd: root,
    env: { ...process.env, HEADSHARE_THREADS: threads },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return runsOf(name).find((folder) => !before.includes(folder)) ?? '';
}

function runsOf(name: string): readonly string[] {
  try {
    return readdirSync(join(root, 'runs/demo', name)).map((key) => `runs/demo/${name}/${key}`);
  } catch {
    return [];
  }
}

const unreachable = async (): Promise<never> => {
  throw new UserError('MLflow is not installed.');
};

async function again(run: string, asked: Partial<Request> = {}) {
  const lines: string[] = [];
  const plain = { worktree: false, reuseStages: false, check: false, keep: false };
  const signal = new AbortController().signal;
  const say = (line: string) => lines.push(line);
  const verdict = await reproduce({ run, root, connect: unreachable, ...plain, signal, say, ...asked });
  return { verdict, text: lines.join('\n') };
}

const git = (...words: string[]): string => {
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
  return execFileSync('git', [...author, ...words], { cwd: root, encoding: 'utf8' }).trim();
};

const change = (what: string, by: string): void =>
  write(root, { 'packages/demo/experiments/student.ts': student.replace(what, by) });

describe('a run made again', () => {
  it('computes the same bits without a cache, and leaves no files', async () => {
    const words = ['--profile=smoke', '--seed=3', '--no-note', '--milestones=0.25,1e-7', '--flip'];
    const folder = made(words, '2');
    const left = readdirSync(join(root, 'runs'), { recursive: true });
    const { verdict, text } = await again(folder);
    expect(verdict).toBe('same bits');
    // The teacher has the seed, too, and needs no other option.
    expect(text).toContain(
      'The command: npx nx run demo:student --profile=smoke --seed=3 --milestones=0.25,1e-7 --flip=true --no-note\n',
    );
    // Options that do not change the result are not recorded, and do not count as newer.
    expect(text).not.toContain('Options that are newer');
    expect(text).toContain('the teacher is trained');
    // The number of threads is the run's.
    expect(text).toContain('Code, data, versions, device, CPU and threads are the same as for the run.');
    expect(text).toContain('The same bits: 2 metrics and 1 file of weights are equal.');
    expect(readdirSync(join(root, 'runs'), { recursive: true })).toEqual(left);
  });

  it('is found by a prefix of its key, and kept with --keep', async () => {
    const key = made().split('/').at(-1) ?? '';
    const { text } = await again(key.slice(0, 6), { keep: true });
    const kept = /^Files: (runs\/\.reproduced-\w+)$/m.exec(text)?.[1] ?? '';
    expect(readFileSync(join(root, kept, 'runs/demo/student', key, 'last.safetensors'), 'utf8')).toContain('0.53');
  });

  it('reuses the teacher with --reuse-stages', async () => {
    const { verdict, text } = await again(made(), { reuseStages: true });
    expect(text).toContain('Stages reused from runs/: 1.');
    expect(text).not.toContain('the teacher is trained');
    expect(verdict).toBe('same bits');
  });

  it('does not start with --check', async () => {
    const { verdict, text } = await again(made(['--seed=2']), { check: true });
    expect(verdict).toBeUndefined();
    expect(text).toMatch(/The command: npx nx run demo:student --seed=2$/);
  });

  it('leaves no files when it is stopped', async () => {
    const folder = made();
    change("options.note === 'endless'", 'true');
    const controller = new AbortController();
    const lines: string[] = [];
    const stopped = again(folder, {
      signal: controller.signal,
      say: (line) => {
        lines.push(line);
        if (line === 'the teacher is trained') controller.abort(new Error('stopped by hand'));
      },
    });
    await expect(stopped).rejects.toThrow('stopped by hand');
    expect(lines.at(-1)).toBe('Interrupted.');
    expect(readdirSync(join(root, 'runs'))).toEqual(['demo']);
  });
});

it('a run does not start after an interruption', async () => {
  const folder = made();
  const controller = new AbortController();
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    if (line.startsWith('The command')) controller.abort(new Error('stopped by hand'));
  };
  await expect(again(folder, { signal: controller.signal, say })).rejects.toThrow('stopped by hand');
  expect(lines).not.toContain('the teacher is trained');
});

describe('a run with another number of threads', () => {
  const before = process.env.HEADSHARE_THREADS;
  afterEach(() => {
    if (before === undefined) delete process.env.HEADSHARE_THREADS;
    else process.env.HEADSHARE_THREADS = before;
  });

  it('is not the same if the spread over seeds is unknown', async () => {
    const folder = made([], '1');
    process.env.HEADSHARE_THREADS = '3';
    const { verdict, text } = await again(folder);
    expect(verdict).toBe('not the same');
    expect(text).toMatch(/^differs +then +now\nthreads +1 +3$/m);
    expect(text).toContain(
      'MLflow cannot be asked for other seeds: MLflow is not installed.\n' +
        'Not the same: 1 of 2 metrics changed by more than the spread over seeds, which is unknown: it takes 3 seeds of ' +
        'the same code, options and data, and there is one; run more, or give --tolerance.\n' +
        'Weights that changed: last.safetensors.',
    );
    expect(text).toMatch(/^accuracy +0\.5334\d* +0\.5336\d* +0\.000200 +unknown$/m);
  });

  it('is tested against the spread over seeds', async () => {
    const folder = made([], '1');
    for (const seed of [1, 2]) made([`--seed=${seed}`], '1');
    // A run with other options does not count.
    made(['--seed=3', '--rate=0.2'], '1');
    process.env.HEADSHARE_THREADS = '3';
    const near = await again(folder);
    expect(near.verdict).toBe('same within spread');
    expect(near.text).toContain('by at most the spread over seeds (0, 1, 2; from runs/).');
    // Two metrics share 5 %: Student's quantile at 0.9875 and 2 degrees is 6.2053, sqrt(2) deviations are 0.0050656 each.
    expect(near.text).toMatch(/^accuracy .* 0\.0445$/m);
    process.env.HEADSHARE_THREADS = '3000';
    expect((await again(folder)).verdict).toBe('not the same');
  });

  it('is tested against a tolerance', async () => {
    const folder = made([], '1');
    process.env.HEADSHARE_THREADS = '3';
    const { verdict, text } = await again(folder, { tolerance: 0.001 });
    expect(verdict).toBe('same within spread');
    expect(text).toContain('by at most --tolerance=0.001.');
    expect((await again(folder, { tolerance: 0.0001 })).verdict).toBe('not the same');
  });
});

describe('with changed sources', () => {
  it('prints the difference, and runs the current sources or those of the commit', async () => {
    const folder = made();
    const commit = git('rev-parse', 'HEAD').slice(0, 8);
    change('const gain = 1;', 'const gain = 100;');
    git('commit', '-qam', 'Gain');
    const present = await again(folder, { tolerance: 0 });
    expect(present.text).toContain(`The sources differ: the run's commit is ${commit}, the current one `);
    expect(present.text).toMatch(/^sources +[0-9a-f]{16} +[0-9a-f]{16}$/m);
    expect(present.verdict).toBe('not the same');

    const { verdict, text } = await again(folder, { worktree: true });
    expect(text).not.toContain('The sources differ');
    expect(verdict).toBe('same bits');
    expect(git('worktree', 'list').split('\n')).toHaveLength(1);
    expect(readdirSync(join(root, 'runs'))).toEqual(['demo']);
  });

  it('refuses a worktree of a commit with other packages', async () => {
    const folder = made();
    writeFileSync(join(root, 'package-lock.json'), '{}\n');
    git('commit', '-qam', 'Packages');
    await expect(again(folder, { worktree: true })).rejects.toThrow(
      /^the run's commit, [0-9a-f]{8}, has other packages \(package-lock\.json differs\): clone it elsewhere/,
    );
  });

  it('mentions uncommitted changes', async () => {
    change('const gain = 1;', 'const gain = 2;');
    const folder = made();
    change('const gain = 1;', 'const gain = 3;');
    const { text } = await again(folder, { check: true });
    expect(text).toMatch(
      /the run's commit is ([0-9a-f]{8}) with uncommitted changes, the current one \1 with uncommitted changes\./,
    );
  });

  it.each([
    ['an option is gone', 'rate: number', 'speed: number', 'demo:student no longer has the option --rate; --worktree'],
    ['a value is refused', 'above: 0,', 'below: 0.15,', '--rate must be a number below 0.15, got 0.2'],
  ])('%s: one sentence', async (_, what, by, sentence) => {
    const folder = made(['--rate=0.2']);
    change(what, by);
    await expect(again(folder)).rejects.toThrow(sentence);
  });

  it('names options that are newer than the run', async () => {
    const folder = made();
    change('flip: flag', "extra: flag({ help: 'new' }), flip: flag");
    expect((await again(folder, { check: true })).text).toContain(
      'Options that are newer than the run keep their defaults: --extra.',
    );
  });

  it('refuses an experiment that no longer exists', async () => {
    const folder = made([], '1', 'teacher');
    rmSync(join(root, 'packages/demo/experiments/teacher.ts'));
    rmSync(join(root, 'packages/demo/experiments/student.ts'));
    write(root, { 'packages/demo/experiments/other.ts': teacher });
    await expect(again(folder)).rejects.toThrow(
      /^experiment demo:teacher no longer exists; --worktree runs the run's own commit, [0-9a-f]{8}$/,
    );
  });
});

describe('refuses', () => {
  it.each([
    ['no-such', "'no-such' is neither a run's folder nor its id, which has 4 to 32 digits 0-9, a-f"],
    ['0123abcd', 'no run in runs/ begins with 0123abcd, and MLflow cannot be asked: MLflow is not installed'],
    ['packages', 'packages has no config.json: it is no run, or one from before runs kept their options'],
  ])('%s', async (word, sentence) => {
    await expect(again(word)).rejects.toThrow(sentence);
  });

  it('an unfinished run, and a prefix of several keys', async () => {
    const folder = made();
    rmSync(join(root, folder, 'result.json'));
    await expect(again(folder)).rejects.toThrow(`${folder} has not finished (no result.json)`);
    write(root, {
      'runs/demo/student/abcd00000001/config.json': '{}',
      'runs/demo/student/abcd00000002/config.json': '{}',
    });
    await expect(again('abcd')).rejects.toThrow(
      'several runs begin with abcd: runs/demo/student/abcd00000001, runs/demo/student/abcd00000002',
    );
    await expect(again('abcd00000001')).rejects.toThrow(
      'the config.json of runs/demo/student/abcd00000001 lacks one of experiment, options, data, sources and device',
    );
  });
});
