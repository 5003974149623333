import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyRun, readFinished, reportingDigest, runKey, sourcesDigest, writeFinished } from './store';

const identity = {
  experiment: 'student',
  options: { student: { seed: 0, epochs: 1 } },
  data: 'embedded',
  sources: 'a',
  device: 'cpu',
};
const temporary = (): string => mkdtempSync(join(tmpdir(), 'headshare-store-'));

describe("a run's key", () => {
  it('is the same for the same work, whatever the order of options', () => {
    expect(runKey({ ...identity, options: { student: { epochs: 1, seed: 0 } } })).toBe(runKey(identity));
    expect(runKey(identity)).toMatch(/^[0-9a-f]{12}$/);
  });

  it.each([
    ['an option', { options: { student: { seed: 1, epochs: 1 } } }],
    ['an option of what it needs', { options: { ...identity.options, teacher: { seed: 0 } } }],
    ['the data', { data: '3-files-0f' }],
    ['the sources', { sources: 'b' }],
    ['the device', { device: 'gpu' }],
  ])('changes with %s', (_, change) => {
    expect(runKey({ ...identity, ...change })).not.toBe(runKey(identity));
  });
});

describe("the sources' digests", () => {
  const write = (root: string, file: string): void => {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), `${file}, version ${Math.random()}`);
  };

  it.each([
    ['a loss', 'packages/core/src/distill/loss.ts', { results: true, reporting: false }],
    ['a kernel', 'packages/core/native/kernel.cc', { results: true, reporting: false }],
    ["the package's data", 'packages/face/src/data.ts', { results: true, reporting: false }],
    ['how runs are compared', 'packages/core/src/recipes/comparison/tables.ts', { results: false, reporting: true }],
    ['how they are swept', 'packages/core/src/experiment/sweep/schedule.ts', { results: false, reporting: true }],
    ['how they are tracked', 'packages/core/src/tracking/sync/sender.ts', { results: false, reporting: true }],
    ['a test', 'packages/core/src/distill/loss.test.ts', { results: false, reporting: false }],
    ["another package's data", 'packages/cub200/src/data.ts', { results: false, reporting: false }],
  ])('%s', async (_, file, changes) => {
    const root = temporary();
    const core = join(root, 'packages/core');
    const digests = async () => [await sourcesDigest(root, 'face', core), await reportingDigest(core)] as const;
    write(root, file);
    const [results, reporting] = await digests();
    write(root, file);
    const [resultsNow, reportingNow] = await digests();
    expect({ results: results !== resultsNow, reporting: reporting !== reportingNow }).toEqual(changes);
  });
});

describe("a run's folder", () => {
  const run = { key: '0123456789ab', experiment: 'student', seconds: 1, result: { metrics: {}, summary: 'done' } };

  it('is finished once it has a complete result', async () => {
    const folder = temporary();
    expect(await readFinished(folder)).toBeUndefined();
    writeFileSync(join(folder, 'result.json'), '{"key": "01');
    expect(await readFinished(folder)).toBeUndefined();
    await writeFinished(folder, run);
    expect(await readFinished(folder)).toEqual(run);
    expect(readdirSync(folder)).toEqual(['result.json']);
  });

  it('is copied by hard links, and replaces the copy of an earlier run as a whole', async () => {
    const folder = temporary();
    mkdirSync(join(folder, 'checkpoints'));
    writeFileSync(join(folder, 'checkpoints/best'), 'weights');
    writeFileSync(join(folder, 'journal.jsonl'), 'events');
    await writeFinished(folder, run);
    const copy = join(temporary(), 'student');
    mkdirSync(copy);
    writeFileSync(join(copy, 'of-an-earlier-run'), '');

    await copyRun(folder, copy);

    expect(readdirSync(copy).sort()).toEqual(['checkpoints', 'result.json']);
    expect(readFileSync(join(copy, 'checkpoints/best'), 'utf8')).toBe('weights');
    expect(statSync(join(copy, 'checkpoints/best')).ino).toBe(statSync(join(folder, 'checkpoints/best')).ino);
    expect(readdirSync(join(copy, '..'))).toEqual(['student']);
  });

  it('keeps the earlier copy if there is nothing to copy', async () => {
    const copy = temporary();
    writeFileSync(join(copy, 'kept'), '');
    await expect(copyRun(join(copy, 'missing'), copy)).rejects.toThrow('ENOENT');
    expect(existsSync(join(copy, 'kept'))).toBe(true);
  });
});
