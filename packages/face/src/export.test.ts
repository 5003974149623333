/** `core:export` of a student that was distilled here: pictures, teacher and thresholds of its run. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from '@headshare/core/experiment/define';
import { runStage } from '@headshare/core/experiment/run-stage';
import { main } from '@headshare/core/export/main';
import { runAsyncCommand } from '@headshare/core/test/run-command';
import { untrackedSession } from '@headshare/core/test/untracked-session';
import type { Card, Threshold } from 'headshare-student/card';
import { onnxMetadata } from 'headshare-student/onnx-metadata';
import { experiments } from './experiments';

const root = mkdtempSync(join(tmpdir(), 'headshare-export-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const session = untrackedSession({
  package: 'face',
  root,
  experiments: new Map(Object.entries(experiments).map(([name, stage]) => [name, stage as Stage])),
});

const cardOf = (name: string): Card =>
  JSON.parse(onnxMetadata(readFileSync(join(root, name))).get('headshare') as string);

test('a distilled student takes pictures, teacher and thresholds of its run along', async () => {
  const { run, folder } = await runStage(experiments.distill, { profile: 'smoke', given: {} }, session);
  const to = join(root, 'student.onnx');
  const { exitCode, text } = await runAsyncCommand(main, [`--from=${folder}`, `--to=${to}`, '--mirror']);
  expect([exitCode, text]).toEqual([0, expect.stringMatching(/, on 8 pictures of faces-train/)]);
  const card = cardOf('student.onnx');
  expect(card).toMatchObject({
    task: 'face',
    outputs: ['embedding'],
    mirror: true,
    run: { key: run.key, title: `face:distill, run ${run.key}` },
    teacher: { backbone: 'iresnet10' },
    thresholds: { mirror: true, pairs: { genuine: 500, impostor: 500 } },
    caution: expect.stringContaining('synthetic faces'),
  });
  // Measured as the run measured them: image and mirror image together.
  const at = (far: number, all: Card['thresholds'] = card.thresholds) => all?.own.find((one) => one.far === far)?.tar;
  expect(at(1e-1)).toBe(run.result.metrics['tar_at_far_1e-1']);
  expect(at(1e-2)).toBe(run.result.metrics['tar_at_far_1e-2']);
  const across = card.thresholds?.teacher?.find((one) => one.far === 1e-1);
  expect(across?.tar).toBe(run.result.metrics['cross_tar_at_far_1e-1']);
}, 300_000);

/** The rows of the printed table. */
function judged(text: string): ReadonlyMap<string, readonly number[]> {
  const rows = text.split('\n').map((line) => /^(\w\S*) +(\d\.\d+) +(\d\.\d+) +-?\d\.\d+$/.exec(line.trim()));
  return new Map(
    rows.filter((row) => row !== null).map(([, name, ...numbers]) => [name as string, numbers.map(Number)]),
  );
}

test('the task measures models as the run measured its network', async () => {
  const { run, folder } = await runStage(experiments.distill, { profile: 'smoke', given: {} }, session);
  const { metrics } = run.result;
  const judge = async (...argv: string[]) => {
    const { exitCode, text } = await runAsyncCommand(main, [`--from=${folder}`, '--force', ...argv]);
    expect([exitCode, text]).toEqual([0, expect.stringMatching(/^measure +network +model +change$/m)]);
    const rows = judged(text);
    const note = 'Measures of the table: picture and mirror image together';
    expect(text.includes(note)).toBe(!argv.includes('--mirror'));
    for (const name of ['accuracy', 'auc', 'eer', 'tar_at_far_1e-1', 'tar_at_far_1e-2', 'cross_tar_at_far_1e-1']) {
      expect([name, rows.get(name)?.[0]]).toEqual([name, expect.closeTo(metrics[name] as number, 4)]);
    }
    return rows;
  };
  const onnx = `--to=${join(root, 'judged.onnx')}`;
  for (const argv of [
    [onnx, '--judge'],
    [onnx, '--judge', '--mirror', '--input=normalised-nchw'],
    [`--to=${join(root, 'saved')}`, '--judge'],
  ]) {
    for (const [name, [network, model]] of await judge(...argv)) expect([name, model]).toEqual([name, network]);
  }
  // int8 is judged without being asked.
  for (const argv of [
    [onnx, '--weights=int8'],
    [onnx, '--weights=int8', '--calibrate=run', '--calibrate-pictures=64'],
  ]) {
    const rows = await judge(...argv);
    const [network, model] = rows.get('accuracy') as [number, number];
    expect(Math.abs(model - network)).toBeLessThan(0.03);
    expect(cardOf('judged.onnx').measured?.accuracy).toBeCloseTo(model, 4);
    expect(cardOf('judged.onnx').thresholds?.of).toBeUndefined();
  }
  // With the mirror image, thresholds are measured as the table is.
  const both = await judge(onnx, '--weights=int8', '--calibrate=run', '--calibrate-pictures=4', '--mirror');
  const { thresholds } = cardOf('judged.onnx');
  const at = (all: readonly Threshold[] = []) => all.find(({ far }) => far === 0.1)?.tar;
  expect(at(thresholds?.own)).toBeCloseTo(both.get('tar_at_far_1e-1')?.[1] as number, 4);
  expect(at(thresholds?.teacher)).toBeCloseTo(both.get('cross_tar_at_far_1e-1')?.[1] as number, 4);
  const { text } = await runAsyncCommand(main, [`--from=${folder}`, '--force', onnx, '--weights=int8', '--no-judge']);
  expect(judged(text).size).toBe(0);
  expect(text).toMatch(/^Same person: a cosine .* \(of the float32 network; --judge measures this model\)$/m);
  expect(cardOf('judged.onnx').thresholds?.of).toBe('float32');
}, 600_000);
