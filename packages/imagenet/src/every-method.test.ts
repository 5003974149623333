/** `nx run imagenet:distill` with every method, and with networks of every family, on a few tiny images. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { methods } from '@headshare/core/distill/registry';
import type { Stage } from '@headshare/core/experiment/define';
import { runStage } from '@headshare/core/experiment/run-stage';
import { backbones } from '@headshare/core/nn/registry';
import type { NetworkResult } from '@headshare/core/recipes/network-stages';
import { untrackedSession } from '@headshare/core/test/untracked-session';
import { experiments } from './experiments';

const root = mkdtempSync(join(tmpdir(), 'headshare-methods-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const stages = new Map<string, Stage>(
  Object.entries(experiments).map(([name, experiment]) => [name, experiment as Stage]),
);
const session = untrackedSession({ package: 'imagenet', root, experiments: stages });

const tiny = {
  imageSize: 16,
  classes: 3,
  imagesPerClass: 6,
  testImagesPerClass: 2,
  batchSize: 6,
  studentWidth: 0.25,
  teacherWidth: 0.25,
};

/** Method options that must be small, because there are few images. */
const few: Readonly<Record<string, number>> = { negatives: 5, epochs: 1, dimension: 8 };

async function distill(given: Readonly<Record<string, unknown>>): Promise<NetworkResult> {
  const { run } = await runStage(experiments.distill, { profile: 'smoke', given: { ...tiny, ...given } }, session);
  return run.result as NetworkResult;
}

const expectTrained = ({ metrics, summary }: NetworkResult) => {
  expect(metrics.top1).toBeGreaterThanOrEqual(0);
  expect(metrics.agreement).toBeGreaterThanOrEqual(0);
  expect(summary).toContain('teacher');
};

/** Methods for a linear head; the others need class centres, as the heads for faces have. */
const suitable = methods.all.filter(({ needs }) => !needs.includes('class-centres'));

test.each([...suitable.map(({ name }) => name), 'sh-kd', 'crd:0.8+th-kd:0.02+kd'])('--method=%s', async (method) => {
  const hyper =
    method === 'sh-kd'
      ? []
      : method.split('+').flatMap((part) => {
          const { name, defaults } = methods.named(part.split(':')[0] ?? '');
          return Object.keys(few)
            .filter((key) => Object.hasOwn(defaults.hyper, key))
            .map((key) => `${name}.${key}=${few[key]}`);
        });
  expectTrained(await distill({ method, methodOptions: hyper }));
});

/** At least one pair of each family: published pairs, or a teacher of another family. */
const pairs = [
  ['resnet14', 'resnet8x4'],
  ['wrn_16_2', 'wrn_16_1'],
  ['vgg11', 'vgg8'],
  ['cifar-resnet50', 'cifar-mobilenet-v2'],
  ['vgg8', 'shufflenet-v1'],
  ['resnet8x4', 'shufflenet-v2'],
  ['resnet34', 'resnet18'],
  ['resnet18', 'mobilenet_v2'],
  ['resnet18', 'mobilenet_v3_small'],
  ['resnet18', 'efficientnet_b0'],
  ['iresnet18', 'mobilefacenet'],
] as const;

const family = (name: string): string =>
  name.replace(/(?<=^(resnet|iresnet|vgg|wrn_))\d.*|(?<=mobilenet_v3)_.*|-insightface$/, '').replace(/^cifar-/, '');

/** The first backbone of each family without a pair, with a teacher of another family: every backbone file is tried. */
function untried(): readonly (readonly [string, string])[] {
  const tried = new Set(pairs.flat().map(family));
  const firsts = new Map(backbones.all.map(({ name }) => [family(name), name] as const).reverse());
  return [...firsts].flatMap(([one, name]) => (tried.has(one) ? [] : [['resnet14', name] as const]));
}

test.each([...pairs, ...untried()])('--teacher=%s --student=%s', async (teacher, student) => {
  expectTrained(await distill({ teacher, student, method: 'l2e-th-kd' }));
});
