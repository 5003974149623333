/**
 * Our ImageNet networks against torchvision's, with the same weights and inputs:
 * fixtures/reference/make-torchvision-models.py makes the cases.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crossEntropy } from '../runtime/ops/cross-entropy';
import { type ReferenceValues, relativeError } from '../runtime/reference-cases';
import { type NamedValues, State, type StateVariable } from '../runtime/state';
import { scoped, type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import { formulaInput, formulaWeight } from './formula-weights';
import type { Mode } from './layers';
import { buildNetwork } from './network';
import { backbones, heads } from './registry';
import { Scope } from './scope';
import { fromTorch, permuted, torchShape } from './torch-layout';

interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly scale: number;
}

interface Statistics {
  readonly abs_sum: number;
  readonly sum: number;
  readonly l2: number;
  readonly shape: readonly number[];
}

interface ModelCase {
  readonly id: string;
  readonly params_trainable: number;
  readonly bn_float_buffer_elements: number;
  readonly state_dict: readonly (readonly [string, readonly number[]])[];
  readonly formula_seed: number;
  readonly input: Input;
  readonly feature_stats_eval_f64: readonly Statistics[];
  readonly preact_stats_eval_f64: readonly Statistics[];
  readonly eval_logits_f64: ReferenceValues;
  readonly train: {
    readonly input: Input;
    readonly logits_f64: ReferenceValues;
    /** What rounding to float32 costs PyTorch itself. */
    readonly f32_vs_f64_relative: number;
  };
}

interface Cases {
  readonly num_classes: number;
  readonly cases: readonly ModelCase[];
}

const file = join(__dirname, '../../fixtures/reference/torchvision-models.json');
const reference = JSON.parse(readFileSync(file, 'utf8')) as Cases;

function build(id: string, inputSize: number, width = 1) {
  const state = new State();
  const scope = Scope.root(state, 'net', undefined);
  const definition = backbones.named(id);
  const backbone = definition.build(scope, { inputSize, width });
  const classifier = { inputs: backbone.embeddingSize, classes: reference.num_classes };
  const head = heads.named('linear').build(scope.child(definition.classifier ?? 'fc'), classifier);
  return { state, backbone, head };
}

const torchName = ({ name }: StateVariable) => name.replace(/^net\//, '');

function setFormulaWeights(state: State, seed: number): void {
  const names = new Set(state.all().map(torchName));
  const values = new Map<string, NamedValues>();
  for (const variable of state.all()) {
    const name = torchName(variable);
    const norm = names.has(name.replace(/[^.]+$/, 'running_var'));
    values.set(variable.name, fromTorch(formulaWeight(name, torchShape(variable.shape), norm, seed)));
  }
  state.load(values, 'the formula');
}

function images({ name, shape, scale }: Input, seed: number): Tensor4D {
  const { values, shape: ours } = permuted(formulaInput(name, shape, scale, seed), [0, 2, 3, 1]);
  return tf.tensor4d(values, ours as [number, number, number, number]);
}

function expectStatistics(map: Tensor, expected: Statistics): void {
  const [batch, channels, ...pixels] = expected.shape;
  expect(map.shape).toEqual([batch, ...pixels, channels]);
  const values = Float64Array.from(map.dataSync());
  const sum = values.reduce((a, b) => a + b, 0);
  expect(Math.abs(sum - expected.sum) / expected.abs_sum).toBeLessThan(1e-5);
  expect(values.reduce((a, b) => a + Math.abs(b), 0) / expected.abs_sum).toBeCloseTo(1, 5);
  expect(Math.sqrt(values.reduce((a, b) => a + b * b, 0)) / expected.l2).toBeCloseTo(1, 5);
}

describe.each(reference.cases.map((one) => [one.id, one] as const))('%s', (id, expected) => {
  const { state, backbone, head } = build(id, expected.input.shape[2] ?? 0);
  const run = (input: Input, mode: Mode) => {
    setFormulaWeights(state, expected.formula_seed);
    const output = backbone.apply(images(input, expected.formula_seed), mode, { preactivations: true });
    return { ...output, logits: head.logits(output.embedding) };
  };
  afterAll(() => state.dispose());

  test("has torchvision's parameters, by number, name, order and shape", () => {
    const size = (variables: readonly StateVariable[]) =>
      variables.reduce((sum, { variable }) => sum + variable.size, 0);
    expect(size(state.all('trainable'))).toBe(expected.params_trainable);
    expect(size(state.all('statistic'))).toBe(expected.bn_float_buffer_elements);
    expect(state.all().map((variable) => [torchName(variable), torchShape(variable.shape)])).toEqual(
      expected.state_dict,
    );
  });

  test("gives torchvision's output and maps by running statistics", () => {
    scoped(() => {
      const { logits, features, embedding, preactivations = [] } = run(expected.input, 'eval');
      expect(relativeError(logits.dataSync(), expected.eval_logits_f64)).toBeLessThan(1e-5);
      const maps = [...features, embedding];
      expect(maps).toHaveLength(expected.feature_stats_eval_f64.length);
      for (const [i, map] of maps.entries()) expectStatistics(map, expected.feature_stats_eval_f64[i] as Statistics);
      expect(preactivations).toHaveLength(features.length);
      for (const [i, map] of preactivations.entries()) {
        expectStatistics(map, expected.preact_stats_eval_f64[i] as Statistics);
      }
    });
  });

  test("gives torchvision's output by the batch's statistics", () => {
    const { input, logits_f64, f32_vs_f64_relative } = expected.train;
    scoped(() => {
      const { logits } = run(input, 'train');
      expect(relativeError(logits.dataSync(), logits_f64)).toBeLessThan(Math.max(2e-4, 4 * f32_vs_f64_relative));
    });
  });
});

test.each([
  ['resnet18', 0.25],
  ['resnet50', 0.25],
  ['mobilenet_v2', 0.35],
  ['mobilenet_v3_large', 0.35],
  ['mobilenet_v3_small', 1],
  ['efficientnet_b0', 0.5],
])('every weight of a %s %p times as wide has a gradient, of 32x32 images, and nothing leaks', (id, width) => {
  const { state, backbone, head } = build(id, 32, width);
  setFormulaWeights(state, 5);
  const variables = state.all('trainable').map(({ variable }) => variable);
  const before = tf.memory().numTensors;
  scoped(() => {
    const { grads } = tf.variableGrads(() => {
      const { embedding } = backbone.apply(tf.randomNormal([4, 32, 32, 3], 0, 1, 'float32', 1), 'train');
      return crossEntropy(head.logits(embedding), tf.tensor1d([0, 1, 2, 3], 'int32'));
    }, variables);
    const still = variables.filter(({ name }) => {
      const largest = tf.max(tf.abs(grads[name] as Tensor)).dataSync()[0] ?? 0;
      return !(largest > 0 && Number.isFinite(largest));
    });
    expect(still.map(({ name }) => name)).toEqual([]);
  });
  expect(tf.memory().numTensors).toBe(before);
  state.dispose();
});

test("classifiers start as torchvision's do", () => {
  const started = (backbone: string) => {
    const state = new State();
    buildNetwork(state, 'net', { backbone, head: 'linear', inputSize: 32, width: 0.25, classes: 100 }, 1);
    const values = (name: string) => Array.from(state.get(`net/${name}`)?.variable.dataSync() ?? []);
    const [weight, bias] = [values('head.weight'), values('head.bias')];
    state.dispose();
    const deviation = Math.sqrt(weight.reduce((sum, value) => sum + value * value, 0) / weight.length);
    return { deviation: Number(deviation.toFixed(3)), bias: Math.max(...bias.map(Math.abs)) };
  };
  expect(started('mobilenet_v2')).toEqual({ deviation: 0.01, bias: 0 });
  expect(started('mobilenet_v3_small')).toEqual({ deviation: 0.01, bias: 0 });
  // Uniform within 1 / sqrt(100 classes).
  expect(started('efficientnet_b0')).toEqual({ deviation: 0.058, bias: 0 });
  expect(started('resnet18').bias).toBeGreaterThan(0);
});
