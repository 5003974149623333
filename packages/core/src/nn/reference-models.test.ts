/**
 * Our networks against PyTorch's: parameters, names, shapes, and what they compute with the same weights and inputs.
 * models.json, more-models.json, torchvision-models.json and rectangular-models.json (the last two made by the scripts beside
 * them) are of one form; REFERENCE_CASES names another folder with any of them.
 */

import { fnv1a, formulaInput, formulaNumbers, formulaWeight } from '../../test/formula-weights';
import { hasReferenceFile, type ReferenceValues, referenceFile, relativeError } from '../../test/reference-cases';
import { type NamedValues, State, type StateVariable } from '../runtime/state';
import { scoped, type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import { imageSize } from '../system/image-size';
import type { Backbone } from './backbone';
import type { Head } from './head';
import type { Mode } from './layers';
import { backbones, heads } from './registry';
import { Scope } from './scope';
import { fromTorch, permuted, torchShape } from './torch-layout';

interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly scale: number;
}

interface Outputs {
  readonly input: Input;
  readonly logits_f64?: ReferenceValues;
  readonly embedding_f64?: ReferenceValues;
}

interface Statistics {
  readonly n: number;
  readonly abs_sum: number;
  readonly sum: number;
  readonly l2: number;
  /** Of the flat array in PyTorch's layout. */
  readonly first4: readonly number[];
  readonly absmax: number;
  readonly shape: readonly number[];
}

interface ModelCase {
  readonly id: string;
  readonly params_trainable: number;
  readonly params_total: number;
  readonly bn_layers: number;
  readonly bn_float_buffer_elements: number;
  readonly frozen_params: readonly string[];
  readonly formula_seed: number;
  readonly state_dict?: readonly (readonly [string, readonly number[]])[];
  readonly state_dict_first_last?: readonly (readonly [string, readonly number[]])[];
  readonly state_dict_entries?: number;
  readonly state_dict_names_fnv1a?: string;
  readonly input: Input;
  readonly feature_stats_eval_f64?: readonly Statistics[];
  readonly preact_stats_eval_f64?: readonly Statistics[];
  readonly eval_logits_f64?: ReferenceValues;
  readonly eval_embedding_f64?: ReferenceValues;
  readonly train?: Outputs;
}

interface Cases {
  readonly num_classes: number;
  readonly formula: { readonly check: { readonly name: string; readonly seed: number; readonly u_first4: number[] } };
  readonly cases: readonly ModelCase[];
}

const files = ['models.json', 'more-models.json', 'torchvision-models.json', 'rectangular-models.json']
  .filter(hasReferenceFile)
  .map((name) => referenceFile<Cases>(name));
const cases = files.flatMap((file) => file.cases.map((one) => ({ ...one, classes: file.num_classes })));
type Case = (typeof cases)[number];

/** Rounding grows with depth. */
const evalTolerance = (id: string) => (['iresnet100', 'iresnet200', 'resnet110'].includes(id) ? 3e-5 : 1e-5);
// PyTorch's own float32 is 1.9e-4 off in resnet101, whose last maps are 2x2 there.
const trainTolerance = (id: string) => (id === 'resnet101' ? 8e-4 : 2e-4);

interface Built {
  readonly state: State;
  readonly backbone: Backbone;
  /** Of networks whose output is logits. */
  readonly head: Head | undefined;
}

function build({ id, input, classes, eval_logits_f64, formula_seed }: Case): Built {
  const state = new State();
  const scope = Scope.root(state, 'net', undefined);
  const definition = backbones.named(id);
  const [, , height = 0, width = 0] = input.shape;
  const backbone = definition.build(scope, { inputSize: imageSize({ height, width }), width: 1 });
  const classifier = scope.child(definition.classifier ?? 'fc');
  const head = eval_logits_f64
    ? heads.named('linear').build(classifier, { inputs: backbone.embeddingSize, classes })
    : undefined;
  setFormulaWeights(state, formula_seed);
  return { state, backbone, head };
}

const torchName = ({ name }: StateVariable) => name.replace(/^net\//, '');

function setFormulaWeights(state: State, seed: number): void {
  const names = new Set(state.all().map(torchName));
  const values = new Map<string, NamedValues>();
  for (const variable of state.all()) {
    const name = torchName(variable);
    const shape = torchShape(variable.shape);
    const norm = names.has(name.replace(/[^.]+$/, 'running_var'));
    values.set(variable.name, fromTorch(formulaWeight(name, shape, norm, seed)));
  }
  state.load(values, 'the formula');
}

function images({ name, shape, scale }: Input, seed: number): Tensor4D {
  const input = formulaInput(name, shape, scale, seed);
  const { values, shape: ours } = permuted(input, [0, 2, 3, 1]);
  return tf.tensor4d(values, ours as [number, number, number, number]);
}

function error(actual: Tensor, expected: ReferenceValues): number {
  expect(actual.shape).toEqual(expected.shape);
  return relativeError(actual.dataSync(), expected);
}

function expectStatistics(maps: readonly Tensor[], expected: readonly Statistics[], tolerance: number): void {
  expect(maps).toHaveLength(expected.length);
  for (const [i, wanted] of expected.entries()) {
    const map = maps[i] as Tensor;
    expect(torchMapShape(map)).toEqual(wanted.shape);
    const values = Float64Array.from(map.dataSync());
    const sum = values.reduce((a, b) => a + b, 0);
    const absoluteSum = values.reduce((a, b) => a + Math.abs(b), 0);
    const l2 = Math.sqrt(values.reduce((a, b) => a + b * b, 0));
    expect(Math.abs(sum - wanted.sum) / wanted.abs_sum).toBeLessThan(tolerance);
    expect(Math.abs(absoluteSum / wanted.abs_sum - 1)).toBeLessThan(tolerance);
    expect(Math.abs(l2 / wanted.l2 - 1)).toBeLessThan(tolerance);
    // The first channel's first pixels, or as many channels where there are no pixels.
    const [, , width = 1, channels = 1] = map.rank === 4 ? map.shape : [];
    const off = wanted.first4.map((value, j) => Math.abs(value - (values[j * channels] ?? Number.NaN)));
    if (map.rank !== 4 || width * (map.shape[1] ?? 1) >= 4) {
      expect(Math.max(...off) / wanted.absmax).toBeLessThan(tolerance);
    }
  }
}

function torchMapShape({ shape }: Tensor): readonly number[] {
  const [batch = 0, ...rest] = shape;
  return rest.length === 3 ? [batch, rest[2] ?? 0, rest[0] ?? 0, rest[1] ?? 0] : shape;
}

test.each(files)('the formula gives the numbers in the file', ({ formula }) => {
  const { name, seed, u_first4 } = formula.check;
  expect([0, 1, 2, 3].map(formulaNumbers(name, seed))).toEqual(u_first4);
});

describe.each(cases.map((one) => [one.id, one.input.shape.slice(2).join('x'), one] as const))(
  '%s at %s',
  (id, _, expected) => {
    let built: Built;
    // Evaluation leaves the variables as they are, and training only moves running statistics, which it does not use.
    beforeAll(() => {
      built = build(expected);
    });
    afterAll(() => built?.state.dispose());
    const run = (input: Input, mode: Mode, preactivations = false) => {
      const maps = built.backbone.apply(images(input, expected.formula_seed), mode, { preactivations });
      return { ...maps, output: built.head ? built.head.logits(maps.embedding) : maps.embedding };
    };
    const tolerance = evalTolerance(id);
    const wanted = (expected.eval_logits_f64 ?? expected.eval_embedding_f64) as ReferenceValues;

    test('has the reference parameters: number, names, order and shapes', () => {
      const { state } = built;
      const size = (variables: readonly StateVariable[]) =>
        variables.reduce((sum, { variable }) => sum + variable.size, 0);
      const buffers = state.all('statistic').filter(({ name }) => /running_(mean|var)$/.test(name));
      const frozen = state.all('statistic').filter((variable) => !buffers.includes(variable));
      expect(frozen.map(torchName)).toEqual(expected.frozen_params);
      expect(size(state.all('trainable'))).toBe(expected.params_trainable);
      expect(size([...state.all('trainable'), ...frozen])).toBe(expected.params_total);
      expect(buffers).toHaveLength(2 * expected.bn_layers);
      expect(size(buffers)).toBe(expected.bn_float_buffer_elements);

      const own = state.all().map((variable) => [torchName(variable), torchShape(variable.shape)]);
      if (expected.state_dict) expect(own).toEqual(expected.state_dict);
      if (expected.state_dict_first_last)
        expect([...own.slice(0, 4), ...own.slice(-4)]).toEqual(expected.state_dict_first_last);
      if (expected.state_dict_entries) expect(own).toHaveLength(expected.state_dict_entries);
      if (expected.state_dict_names_fnv1a) {
        const hash = fnv1a(own.map(([name]) => name).join('\n'));
        expect(hash.toString(16).padStart(8, '0')).toBe(expected.state_dict_names_fnv1a);
      }
    });

    test('has the reference output and features with running statistics', () => {
      scoped(() => {
        const { output, features, embedding, preactivations } = run(expected.input, 'eval');
        expect(error(output, wanted)).toBeLessThan(tolerance);
        expect(preactivations).toBeUndefined();
        if (expected.feature_stats_eval_f64) {
          expectStatistics([...features, embedding], expected.feature_stats_eval_f64, tolerance);
        }
      });
    });

    const { preact_stats_eval_f64: before, train } = expected;
    if (before) {
      test('has the reference preactivations, and the same output with them', () => {
        scoped(() => {
          const { output, embedding, preactivations = [] } = run(expected.input, 'eval', true);
          expect(error(output, wanted)).toBeLessThan(tolerance);
          expectStatistics([...preactivations, embedding], before, tolerance);
        });
      });
    }

    const trained = train?.logits_f64 ?? train?.embedding_f64;
    if (train && trained) {
      test.each([false, true])("has the reference output with the batch's statistics, preactivations: %s", (asked) => {
        scoped(() => expect(error(run(train.input, 'train', asked).output, trained)).toBeLessThan(trainTolerance(id)));
      });
    }
  },
);
