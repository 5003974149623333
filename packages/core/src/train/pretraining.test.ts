/** Methods that learn something before training proper: AB, FSP and FT. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesIn,
  removeTemporaryFolders,
  stopTiny,
  tinyMethod,
  tinyNetwork,
  tinySettings,
  trainTiny,
} from '../../test/tiny-training';
import { buildNetwork } from '../nn/network';
import { type NamedValues, State } from '../runtime/state';
import { checkpointFiles, readCheckpoint } from './checkpoint';

let teacher: string;
beforeAll(async () => {
  const { folder } = await trainTiny({ role: 'teacher', settings: { seed: 7, epochs: 1 } });
  teacher = join(folder, checkpointFiles.last);
});

afterAll(removeTemporaryFolders);

const phaseFile = 'pretraining.safetensors';
const learning = (name: string) => ({ distillation: { teacher, method: tinyMethod(name) } });
const tensors = (folder: string, file: string) => readCheckpoint(join(folder, file)).tensors;
function under(prefix: string, values: ReadonlyMap<string, NamedValues>): Map<string, NamedValues> {
  const found = new Map([...values].filter(([name]) => name.startsWith(prefix)));
  expect(found.size).toBeGreaterThan(0);
  return found;
}

/** The student's initial variables. */
function untouched(): ReadonlyMap<string, NamedValues> {
  const state = new State();
  buildNetwork(state, 'student', tinyNetwork(), tinySettings.seed);
  const values = state.values();
  state.dispose();
  return values;
}

describe.each(['ab', 'fsp', 'ft'])('%s', (name) => {
  test.each([
    ['during pretraining', 2, {}],
    ['after the last step of pretraining', 4, {}],
    ['during pretraining with micro-batches and averaged weights', 3, { accumulate: 2, emaDecay: 0.9 }],
  ])('a run stopped %s resumes to the same bits', async (_, step, settings) => {
    const options = { ...learning(name), settings: { epochs: 1, ...settings } };
    const whole = await trainTiny(options);
    const folder = await stopTiny(step, options);
    expect(readCheckpoint(join(folder, phaseFile)).metadata).toMatchObject({ step });
    expect(existsSync(join(folder, checkpointFiles.training))).toBe(false);
    const resumed = await trainTiny({ ...options, folder });
    expect(resumed.lines.join('\n')).toMatch(`student, pretraining: resuming after step ${step}`);
    expect(bytesIn(folder)).toEqual(bytesIn(whole.folder));
    expect(resumed.last).toEqual(whole.last);
  });

  test('a run stopped in training proper does not pretrain again', async () => {
    const options = { ...learning(name), settings: { epochs: 3 } };
    const whole = await trainTiny(options);
    const folder = await stopTiny(6, options);
    const resumed = await trainTiny({ ...options, folder });
    expect(resumed.lines[0]).toBe('student: resuming after step 6 (epoch 2)');
    expect(bytesIn(folder)).toEqual(bytesIn(whole.folder));
  });

  test('logs its own term in the pretraining phase, and separate metrics', async () => {
    const { tracked } = await trainTiny({ ...learning(name), settings: { epochs: 1 } });
    const term = name === 'ft' ? 'paraphraser' : name;
    const names = Object.keys(tracked[0]?.values ?? {}).sort();
    expect(names).toEqual(
      ['gradient_norm', 'learning_rate', 'loss', term].map((one) => `pretraining/step/${one}`).sort(),
    );
    expect(tracked.map(({ step }) => step)).toEqual([1, 2, 3, 4, 4, 1, 2, 3, 4, 4]);
  });
});

test.each(['ab', 'fsp'])("%s's pretraining moves the backbone and leaves the classifier unchanged", async (name) => {
  const { folder } = await trainTiny({ ...learning(name), settings: { epochs: 1 } });
  const [before, after] = [untouched(), tensors(folder, phaseFile)];
  expect(under('student/head.', after)).toEqual(under('student/head.', before));
  expect(after.get('student/conv1.weight')).not.toEqual(before.get('student/conv1.weight'));
  expect(after.get('student/layer3.0.conv2.weight')).not.toEqual(before.get('student/layer3.0.conv2.weight'));
  const last = tensors(folder, checkpointFiles.training);
  expect(under('student/head.', last)).not.toEqual(under('student/head.', before));
});

test("training proper does not move ab's pretrained connectors", async () => {
  const wide = await trainTiny({ role: 'teacher', network: tinyNetwork(0.5), settings: { epochs: 1 } });
  const distillation = { teacher: join(wide.folder, checkpointFiles.last), method: tinyMethod('ab') };
  const { folder } = await trainTiny({ distillation, settings: { epochs: 1 } });
  const [before, after] = [tensors(folder, phaseFile), tensors(folder, checkpointFiles.training)];
  expect(under('method/ab.', after)).toEqual(under('method/ab.', before));
});

test("ft's pretraining moves only the paraphraser; training moves everything else", async () => {
  const { folder } = await trainTiny({ ...learning('ft'), settings: { epochs: 1 } });
  const pretrained = tensors(folder, phaseFile);
  const trained = tensors(folder, checkpointFiles.training);
  const student = (values: ReadonlyMap<string, NamedValues>) => under('student/', values);
  expect(student(pretrained)).toEqual(student(untouched()));
  const paraphraser = under('method/ft.paraphraser.', pretrained);
  expect(under('method/ft.paraphraser.', trained)).toEqual(paraphraser);
  expect(under('method/ft.translator.', trained)).not.toEqual(under('method/ft.translator.', pretrained));
  expect(student(trained)).not.toEqual(student(pretrained));
});
