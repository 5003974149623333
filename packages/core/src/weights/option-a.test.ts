/** A CIFAR ResNet with shortcuts without parameters, against PyTorch (fixtures/torch/make-option-a.py). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { relativeError } from '../../test/reference-cases';
import { backbones, heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { permuted } from '../nn/torch-layout';
import { type NamedValues, State } from '../runtime/state';
import { scoped, type Tensor4D, tf } from '../runtime/tensorflow';
import { networkFromWeights } from './network-from-weights';
import { writeTorchFile } from './torch/torch-writer';

interface Fixture {
  readonly names: Readonly<Record<string, readonly number[]>>;
  /** In 64ths. */
  readonly images: readonly number[];
  readonly logits: readonly number[];
}
const fixture = JSON.parse(readFileSync(join(__dirname, '../../fixtures/torch/option-a.json'), 'utf8')) as Fixture;
const folder = mkdtempSync(join(tmpdir(), 'headshare-option-a-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'resnet8.th');

/** The formula of the fixture's maker. */
function weights(): Map<string, NamedValues> {
  return new Map(
    Object.entries(fixture.names).map(([name, shape], index) => {
      const offset = name.endsWith('running_var') || (name.includes('bn') && name.endsWith('.weight')) ? 1 : 0;
      const size = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from(
        { length: size },
        (_, i) => Math.sin(0.37 * i * (index + 1) + index) * 0.25 + offset,
      );
      return [name, { shape, values }];
    }),
  );
}

function logits(images: Tensor4D): Float32Array {
  const { description, tensors } = networkFromWeights(file);
  const state = new State();
  const scope = Scope.root(state, 'net', undefined);
  const backbone = backbones.named(description.backbone).build(scope, description);
  const shape = { inputs: backbone.embeddingSize, classes: description.classes };
  const head = heads.named(description.head).build(scope.child('head'), shape);
  state.load(new Map([...tensors].map(([name, values]) => [`net/${name}`, values])), file);
  const result = scoped(() => head.logits(backbone.apply(images, 'eval').embedding).dataSync() as Float32Array);
  state.dispose();
  return result;
}

test.each(['', 'module.'])("gives PyTorch's outputs, with names that start with '%s'", (prefix) => {
  writeTorchFile(file, new Map([...weights()].map(([name, value]) => [prefix + name, value])));
  const values = Float32Array.from(fixture.images, (value) => value / 64);
  const images = permuted({ shape: [3, 3, 32, 32], values }, [0, 2, 3, 1]);
  const input = tf.tensor4d(images.values, images.shape as [number, number, number, number]);
  const shape = [3, 10];
  expect(relativeError(logits(input), { shape, data: [...fixture.logits] })).toBeLessThan(1e-5);
  input.dispose();
});

test('a line says how the shortcuts are read', () => {
  writeTorchFile(file, weights());
  const lines: string[] = [];
  const { description } = networkFromWeights(file, { onNote: (line) => lines.push(line) });
  expect(description).toMatchObject({ backbone: 'resnet8', classes: 10, head: 'linear' });
  expect(lines).toEqual([
    expect.stringContaining('has shortcuts without parameters (option A): read as 1x1 convolutions'),
  ]);
});

test('a network that lacks its shortcuts otherwise is refused', () => {
  const renamed = new Map([...weights()].map(([name, value]) => [name.replace('linear', 'fc'), value]));
  writeTorchFile(file, renamed);
  expect(() => networkFromWeights(file)).toThrow('it lacks layer2.0.downsample.0.weight');
  const partly = weights();
  partly.set('layer2.0.downsample.0.weight', { shape: [32, 16, 1, 1], values: new Float32Array(512) });
  writeTorchFile(file, partly);
  expect(() => networkFromWeights(file)).toThrow('it lacks layer2.0.downsample.1.weight');
});
