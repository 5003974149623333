import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyMethod, tinyNetwork } from '../../test/tiny-training';
import { singleMethod } from '../distill/combine-methods';
import { defineMethod } from '../distill/method';
import { methods } from '../distill/registry';
import { linear } from '../nn/layers';
import { tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import { tryMethod } from './try-method';

const pair = { student: tinyNetwork(0.25), teacher: tinyNetwork(0.5) };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-tried-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const sameChannels = { student: tinyNetwork(0.25), teacher: tinyNetwork(0.25) };

test.each(methods.all.map((method) => [method.name, method] as const))('%s', (name, { needs }) => {
  tryMethod(tinyMethod(name), needs.includes('equal-channels') ? sameChannels : pair, folder);
});

test.each(methods.all.map((method) => [method.name, method] as const))(
  '%s with images of unequal sides',
  (name, { needs }) => {
    const { student, teacher } = needs.includes('equal-channels') ? sameChannels : pair;
    const rectangle = { inputSize: '24x16' } as const;
    tryMethod(
      tinyMethod(name),
      { student: { ...student, ...rectangle }, teacher: { ...teacher, ...rectangle } },
      folder,
    );
  },
);

test('networks that a method cannot compare are refused before the teacher is trained', () => {
  expect(() => tryMethod(tinyMethod('fsp'), pair, folder)).toThrow(
    '--method=fsp does not work with the student resnet8 and the teacher resnet8: fsp needs as many channels',
  );
  const layer = { hyper: { layer: 7 } };
  expect(() => tryMethod(singleMethod(methods.named('fitnet'), layer), pair, folder)).toThrow(
    'layer=7: the student has no such feature map; its maps are numbered 0 to 3.',
  );
});

test('simkd needs a teacher whose embedding is its last feature map, pooled', () => {
  const simkd = tinyMethod('simkd');
  tryMethod(simkd, pair, folder);
  const face = { ...pair.teacher, backbone: 'iresnet10', inputSize: 32, embeddingSize: 64 };
  expect(() => tryMethod(simkd, { ...pair, teacher: face }, folder)).toThrow(
    "--method=simkd does not work with the student resnet8 and the teacher iresnet10: the student would imitate the teacher's last feature map, and iresnet10 does not pool it into its embedding.",
  );
});

test('a method that works is tried once for each pair of networks', () => {
  const kd = tinyMethod('kd');
  tryMethod(kd, pair, folder);
  tryMethod(kd, pair, folder);
  expect(readdirSync(folder)).toHaveLength(1);
  tryMethod(kd, { ...pair, teacher: tinyNetwork(1) }, folder);
  expect(readdirSync(folder)).toHaveLength(2);
});

test('a mistake in a method is an error with its name, before anything is trained', () => {
  const wrong = defineMethod('wrong', {
    summary: 'a size that does not exist',
    source: 'nowhere',
    defaults: { beta: 1 },
    build({ scope, student }) {
      const { length } = student as unknown as { length: number };
      const map = linear(scope.child('map'), { inputs: length, outputs: 8 });
      return { terms: (step) => ({ wrong: { weight: 1, value: tf.sum(map(step.student.embedding)).asScalar() } }) };
    },
  });
  const run = () => tryMethod(singleMethod(wrong), pair, folder);
  expect(run).toThrow(UserError);
  expect(run).toThrow(/^--method=wrong does not work with the student resnet8 and the teacher resnet8: .*undefined/);
  expect(readdirSync(folder)).toEqual([]);
});

test('no tensor is leaked', () => {
  tryMethod(tinyMethod('th-kd'), pair, folder);
  const before = tf.memory().numTensors;
  tryMethod(tinyMethod('crd'), pair, folder);
  tryMethod(tinyMethod('ft'), pair, folder);
  expect(tf.memory().numTensors).toBe(before);
});
