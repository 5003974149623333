import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nx, removeTemporaryWorkspaces, temporaryWorkspace, write } from '../../test/temporary-workspace';

afterAll(removeTemporaryWorkspaces);

const experiment = (fields: string, imports = ''): string => `
import { defineExperiment } from '@headshare/core/experiment/define';
import { integer, oneOf } from '@headshare/core/experiment/option';
${imports}
const seed = integer({ default: 0, min: 0, help: 'of all randomness' });
export default defineExperiment({ ${fields} });
`;

const teacher = experiment(`
  summary: 'Train the teacher',
  options: { seed },
  profiles: { smoke: {}, paper: {} },
  run: async ({ log, options }) => {
    log('training the teacher with seed ' + options.seed);
    return { metrics: { accuracy: 0.9 }, summary: 'teacher 0.9' };
  },`);

const distill = experiment(
  `
  summary: 'Distil a small model',
  needs: { teacher },
  options: { seed, method: oneOf(['none', 'kd', 'th-kd'], 'th-kd', { help: 'distillation method' }) },
  profiles: { smoke: { method: 'kd' }, paper: {} },
  run: async ({ stage, options }) => {
    const { result } = await stage(teacher);
    return { metrics: {}, summary: options.method + ' from ' + result.summary };
  },`,
  `import teacher from './teacher';`,
);

const files = { 'packages/demo/experiments/teacher.ts': teacher, 'packages/demo/experiments/distill.ts': distill };

describe('the Nx plugin', () => {
  const targets = (root: string): Record<string, Record<string, unknown>> =>
    JSON.parse(nx(root, ['show', 'project', 'demo', '--json']).stdout).targets;

  it('makes every experiment a target with a description', () => {
    const root = temporaryWorkspace(files);
    const found = targets(root);
    expect(Object.keys(found).sort()).toEqual(['distill', 'lint', 'teacher', 'test', 'typecheck']);
    expect(found.distill).toMatchObject({
      executor: 'nx:run-commands',
      cache: true,
      parallelism: false,
      inputs: [
        'production',
        '^production',
        { env: 'TF_DEVICE' },
        { env: 'HEADSHARE_DATA' },
        { env: 'HEADSHARE_THREADS' },
        { env: 'HEADSHARE_NAMED_FILES' },
        { runtime: 'node packages/core/src/experiment/data-fingerprint.cjs demo' },
      ],
      outputs: ['{workspaceRoot}/artifacts/demo/distill'],
      metadata: { description: 'Distil a small model', technologies: ['typescript', 'tensorflow'] },
    });
    // needs -> dependsOn, with the command line; set-up comes first
    expect(found.distill?.dependsOn).toEqual([
      { target: 'teacher', params: 'forward' },
      { projects: ['tools'], target: 'setup' },
    ]);
    // profiles -> configurations
    expect(Object.keys(Object(found.distill?.configurations))).toEqual(['smoke', 'paper']);
  });

  it('notices new and changed files', () => {
    const root = temporaryWorkspace(files);
    expect(targets(root)).not.toHaveProperty('student');
    write(root, {
      'packages/demo/experiments/student.ts': teacher.replace('the teacher', 'a student'),
      'packages/demo/experiments/teacher.ts': teacher.replace('Train the teacher', 'Train a better teacher'),
    });
    expect(targets(root)).toMatchObject({
      student: { metadata: { description: 'Train a student' } },
      teacher: { metadata: { description: 'Train a better teacher' } },
    });
  });

  it('keeps the other targets when a file cannot be loaded, and running that one prints the reason', () => {
    const root = temporaryWorkspace({
      ...files,
      'packages/demo/experiments/bad.ts': `throw new Error('half-written');`,
    });
    expect(Object.keys(targets(root)).sort()).toEqual(['bad', 'distill', 'lint', 'teacher', 'test', 'typecheck']);
    const run = nx(root, ['run', 'demo:bad']);
    expect(run.stdout + run.stderr).toContain('packages/demo/experiments/bad.ts cannot be used: half-written');
    expect(run.status).toBe(1);
  });
});

describe('nx run', () => {
  const command = {
    executor: 'nx:run-commands',
    options: { command: 'echo runs' },
    metadata: { help: { command: 'echo prints its help', example: {} } },
  };
  const root = temporaryWorkspace({
    ...files,
    'packages/demo/package.json': JSON.stringify({
      name: '@headshare/demo',
      version: '0.1.0',
      nx: { name: 'demo', targets: { command } },
      dependencies: { '@headshare/core': '0.1.0' },
    }),
  });

  it('trains the teacher first with the same options, and answers the second call from the cache', () => {
    const first = nx(root, ['run', 'demo:distill:smoke', '--seed=3', '--method=th-kd']);
    expect(first.stdout).toContain('training the teacher with seed 3');
    expect(first.stdout).toContain('th-kd from teacher 0.9');
    expect(first.status).toBe(0);
    expect(existsSync(join(root, 'artifacts/demo/distill/result.json'))).toBe(true);

    rmSync(join(root, 'runs'), { recursive: true });
    rmSync(join(root, 'artifacts'), { recursive: true });
    const second = nx(root, ['run', 'demo:distill:smoke', '--seed=3', '--method=th-kd']);
    expect(second.stdout).toContain(
      'Nx read the output from the cache instead of running the command for 2 out of 2 tasks',
    );
    expect(existsSync(join(root, 'runs'))).toBe(false);
    expect(existsSync(join(root, 'artifacts/demo/distill/result.json'))).toBe(true);
  });

  it('reuses the teacher for another student', () => {
    const other = nx(root, ['run', 'demo:distill:smoke', '--seed=3', '--method=none']);
    expect(other.stdout).toContain('none from teacher 0.9');
    expect(other.stdout).not.toContain('training the teacher');
  });

  it('does not use the cache for changed data', () => {
    const run = () => nx(root, ['run', 'demo:teacher', '--seed=8']).stdout;
    expect(run()).toContain('training the teacher with seed 8');
    expect(run()).toContain('Nx read the output from the cache');
    write(root, { 'data/demo/train.rec': 'pictures' });
    expect(run()).not.toContain('Nx read the output from the cache');
  });

  it.each([
    [['run', 'demo:distil'], "unknown target of demo 'distil'; did you mean 'distill'? (valid: "],
    [['run', 'dmo:distill'], "unknown project 'dmo'; did you mean 'demo'? (valid: "],
    [
      ['run', 'demo:distill:smok'],
      "unknown profile of demo:distill 'smok'; did you mean 'smoke'? (valid: default, smoke, paper)",
    ],
    [['run', 'demo:distill', '--metod=kd'], 'unknown option --metod; did you mean --method'],
    [
      ['run', 'demo:distill', '--method=th-kdd'],
      "--method: unknown value 'th-kdd'; did you mean 'th-kd'? (valid: none, kd, th-kd)",
    ],
  ])('%j: one sentence, exit code 2, before any work', (words, sentence) => {
    const { status, stdout, stderr } = nx(root, words);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(sentence)]);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it("shows an experiment's own help", () => {
    const { stdout, status } = nx(root, ['run', 'demo:distill', '--help']);
    expect(stdout).toContain('Usage: npx nx run demo:distill[:profile] [--option=value ...]');
    expect(stdout).toContain('--method=NAME  distillation method: none, kd, th-kd [th-kd]');
    expect(status).toBe(0);
    // The profile sets another method.
    expect(nx(root, ['run', 'demo:distill:smoke', '--help']).stdout).toContain('th-kd [kd]');
    expect(nx(root, ['run', 'demo:distill', '--profile=smoke', '--help']).stdout).toContain('th-kd [kd]');
  });

  it("shows a command's own help", () => {
    for (const words of [['--help'], ['--', '--help']]) {
      expect(nx(root, ['run', 'demo:command', ...words])).toMatchObject({ status: 0, stdout: 'prints its help\n' });
    }
  });

  it('names a TMPDIR that does not exist, before any work', () => {
    const { stdout, stderr, status } = nx(root, ['run', 'demo:teacher'], { TMPDIR: join(root, 'nowhere') });
    expect(stderr).toMatch(/^TMPDIR is .*nowhere, which does not exist: .*\n$/);
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
  });

  it('knows the projects that a change affects', () => {
    const affected = (): string[] =>
      JSON.parse(nx(root, ['show', 'projects', '--affected', '--base=HEAD', '--json']).stdout);
    write(root, { 'packages/demo/experiments/teacher.ts': `${teacher}\n` });
    expect(affected()).toEqual(['demo']);
    write(root, { 'packages/core/src/experiment/define.test.ts': '' });
    expect(affected().sort()).toEqual(['core', 'demo']);
  });
});
