import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { environmentOf, environmentTags, readEnvironments, recordEnvironment } from './environment';

const root = resolve(__dirname, '../../../..');

test("a run's environment has its commit, versions and the settings that affect sums", async () => {
  const environment = await environmentOf(root);
  expect(environment).toMatchObject({
    node: process.version,
    tensorflow: expect.stringMatching(/^tensorflow(-cpu)?==\d+\.\d+/),
    tfjs: '4.22.0',
    compiler: expect.stringMatching(/\d/),
    packages: expect.stringMatching(/^[0-9a-f]{16}$/),
    threads: expect.stringMatching(/^[1-9]\d*$/),
    operations: expect.stringMatching(/^[1-9]\d*$/),
  });
  expect(environmentTags(environment)).toHaveProperty(['headshare.cpu'], environment.cpu);
});

describe("a run's recorded environments", () => {
  const folder = mkdtempSync(join(tmpdir(), 'headshare-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const one = { node: 'v20', platform: 'linux x64', cpu: 'one', threads: '1', operations: '1' };
  const two = { ...one, threads: '2' };

  it('list an environment once until it changes', async () => {
    for (const environment of [one, one, two, two]) await recordEnvironment(folder, environment);
    expect(await readEnvironments(folder)).toEqual([one, two]);
  });

  it('are empty for a run without the file', async () => {
    expect(await readEnvironments(join(folder, 'none'))).toEqual([]);
  });
});
