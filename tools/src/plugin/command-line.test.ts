import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { droppedOption, findProblem, namedFiles, parseRequest } from './command-line';

const projects = {
  face: { root: 'packages/face', targets: { distill: { configurations: { smoke: {}, ms1mv3: {} } }, test: {} } },
  core: { root: 'packages/core' },
};

const parsed = (command: string) => parseRequest(command.split(' '), projects);
const problem = (command: string) => {
  const request = parsed(command);
  return request && findProblem(request, projects);
};

describe('the requested target', () => {
  it.each([
    ['run face:distill:smoke --seed=3', { project: 'face', target: 'distill', configuration: 'smoke' }],
    ['run face:distill -c smoke', { project: 'face', target: 'distill', configuration: 'smoke' }],
    ['run face:distill --configuration=smoke', { project: 'face', target: 'distill', configuration: 'smoke' }],
    ['run -p face -t distill', { project: 'face', target: 'distill', configuration: undefined }],
    ['distill face --seed=3', { project: 'face', target: 'distill', configuration: undefined }],
  ])('%s', (command, expected) => {
    expect(parsed(command)).toMatchObject(expected);
  });

  it.each(['show project face', 'run-many -t test', 'affected -t lint', 'graph', 'run distill', ''])(
    "'%s' is left to Nx",
    (command) => {
      expect(parsed(command)).toBeUndefined();
    },
  );

  it('may name any profile, and the default one', () => {
    expect(problem('run face:distill')).toBeUndefined();
    expect(problem('run face:distill:default')).toBeUndefined();
    expect(problem('run face:distill:ms1mv3')).toBeUndefined();
  });

  it.each([
    ['run fce:distill', "unknown project 'fce'; did you mean 'face'? (valid: face, core)"],
    ['run face:distil', "unknown target of face 'distil'; did you mean 'distill'? (valid: distill, test)"],
    [
      'run face:distill:ms1m',
      "unknown profile of face:distill 'ms1m'; did you mean 'ms1mv3'? (valid: default, smoke, ms1mv3)",
    ],
    ['run core:test', "unknown target of core 'test'; there is none"],
  ])('%s: %s', (command, sentence) => {
    expect(problem(command)).toBe(sentence);
  });
});

test("the options of a target are the words that are not Nx's own", () => {
  const words =
    'run face:distill --skip-nx-cache --seed 3 -c smoke --outputStyle=static --parallel 2 --method=kd --verbose';
  expect(parsed(words)?.options).toEqual(['--seed', '3', '--method=kd']);
  expect(parsed('run face:distill --no-tui --no-augment')?.options).toEqual(['--no-augment']);
});

test('an option that Nx would drop is refused', () => {
  expect(droppedOption(['--seed=3', '--batch-size=4'])).toBe(
    'Nx takes --batch-size for its own --batch and drops it; write --batchSize',
  );
  expect(droppedOption(['--batchSize=4', '--batch'])).toBeUndefined();
});

describe('files that options name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headshare-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('count by size and time, so that a changed file misses the cache', () => {
    const file = join(folder, 'weights.pth');
    writeFileSync(file, 'one');
    const words = ['--weights=weights.pth', '--data', folder, '--seed=3', '--none=missing.pth'];
    const first = namedFiles(words, folder);
    expect(first.split('\n')).toHaveLength(2);
    expect(namedFiles(words, folder)).toBe(first);
    utimesSync(file, 1, 1);
    expect(namedFiles(words, folder)).not.toBe(first);
    // Longer than any name of a file.
    const runs = `--runs=${Array.from({ length: 45 }, () => 'bea2939e4fb3').join(',')}`;
    expect(namedFiles([runs], folder)).toBe('');
  });
});
