/** `nx run imagenet:distill` with networks of every family. Apart from every-method.test.ts, so that two run at a time. */
import { backbones } from '@headshare/core/nn/registry';
import { tinyDistillations } from '../test/tiny-distillations';

const { distill, remove } = tinyDistillations();
afterAll(remove);

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
  await distill({ teacher, student, method: 'l2e-th-kd' });
});
