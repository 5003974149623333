import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProblem, namedFiles, parseRequest, swallowed, targetOptions } from './command-line';

const projects = {
  face: { root: 'packages/face', targets: { distill: { configurations: { smoke: {}, ms1mv3: {} } }, test: {} } },
  core: { root: 'packages/core' },
};

const parsed = (command: string) => parseRequest(['node', 'nx', ...command.split(' ')]);
const problem = (command: string) => {
  const request = parsed(command);
  return request && findProblem(request, projects);
};

describe('what nx is asked for', () => {
  it.each([
    ['run face:distill:smoke --seed=3', { project: 'face', target: 'distill', configuration: 'smoke' }],
    ['run face:distill -c smoke', { project: 'face', target: 'distill', configuration: 'smoke' }],
    ['run face:distill --configuration=smoke', { project: 'face', target: 'distill', configuration: 'smoke' }],
    ['distill face --seed=3', { project: 'face', target: 'distill', configuration: undefined }],
  ])('%s', (command, expected) => {
    expect(parsed(command)).toMatchObject(expected);
  });

  it.each(['show project face', 'run-many -t test', 'affected -t lint', 'graph', 'run distill', ''])(
    "'%s' is for Nx alone to answer",
    (command) => {
      expect(parsed(command)).toBeUndefined();
    },
  );

  it('exists, default profile included', () => {
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

describe('the options of a target', () => {
  it("are what is left without Nx's own", () => {
    const words = '--skip-nx-cache --seed 3 -c smoke --outputStyle=static --parallel 2 --no-tui --method=kd --verbose';
    expect(targetOptions(words.split(' '))).toEqual(['--seed', '3', '--method=kd']);
  });
});

test('an option that Nx would drop is told of, not dropped', () => {
  expect(swallowed(['--seed=3', '--batch-size=4'])).toBe(
    'Nx drops --batch-size, taking it for its own --batch; write --batchSize',
  );
  expect(swallowed(['--batchSize=4', '--batch'])).toBeUndefined();
});

describe('files that options name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headshare-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('count by their size and time, so that a changed file is not answered from the cache', () => {
    const file = join(folder, 'weights.pth');
    writeFileSync(file, 'one');
    const words = ['--weights=weights.pth', '--data', folder, '--seed=3', '--none=missing.pth'];
    const first = namedFiles(words, folder);
    expect(first.split('\n')).toHaveLength(2);
    expect(namedFiles(words, folder)).toBe(first);
    utimesSync(file, 1, 1);
    expect(namedFiles(words, folder)).not.toBe(first);
  });
});
