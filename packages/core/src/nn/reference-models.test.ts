/**
 * Our networks against PyTorch's: parameters, names, shapes, and outputs with the same weights and inputs.
 * REFERENCE_CASES names another folder with a models.json of the same form. Cases of architectures that
 * are not here are left out.
 */

import { type ReferenceValues, referenceFile, relativeError } from '../runtime/reference-cases';
import { type NamedValues, State, type StateVariable } from '../runtime/state';
import { scoped, type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import type { BackboneOutput } from './backbone';
import { fnv1a, formulaInput, formulaNumbers, formulaWeight } from './formula-weights';
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
  readonly shape: readonly number[];
}

interface ModelCase {
  readonly id: string;
  readonly params_trainable: number;
  readonly params_total: number;
  readonly bn_float_buffer_elements: number;
  readonly frozen_params: readonly string[];
  readonly formula_seed: number;
  readonly state_dict?: readonly (readonly [string, readonly number[]])[];
  readonly state_dict_first_last?: readonly (readonly [string, readonly number[]])[];
  readonly state_dict_entries?: number;
  readonly state_dict_names_fnv1a?: string;
  readonly input: Input;
  readonly feature_stats_eval_f64?: readonly Statistics[];
  readonly eval_logits_f64?: ReferenceValues;
  readonly eval_embedding_f64?: ReferenceValues;
  readonly train?: Outputs;
}

interface Cases {
  readonly num_classes: number;
  readonly formula: { readonly check: { readonly name: string; readonly seed: number; readonly u_first4: number[] } };
  readonly cases: readonly ModelCase[];
}

const reference = referenceFile<Cases>('models.json');

const ourNames: Readonly<Record<string, string>> = { mbf: 'mobilefacenet-insightface' };
const ourName = (id: string) => ourNames[id] ?? id;
const cases = reference.cases.filter(({ id }) => backbones.names.includes(ourName(id)));

/** Rounding grows with depth. */
const evalTolerance = (id: string) => (['iresnet100', 'resnet110'].includes(id) ? 3e-5 : 1e-5);
const trainTolerance = 2e-4;

function build({ id, input }: ModelCase) {
  const state = new State();
  const scope = Scope.root(state, 'net', undefined);
  const backbone = backbones.named(ourName(id)).build(scope, { inputSize: input.shape[2] ?? 0, width: 1 });
  const classifier = { inputs: backbone.embeddingSize, classes: reference.num_classes };
  return { state, backbone, classify: () => heads.named('linear').build(scope.child('fc'), classifier) };
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

function statistics(map: Tensor) {
  const values = Float64Array.from(map.dataSync());
  return {
    sum: values.reduce((a, b) => a + b, 0),
    absoluteSum: values.reduce((a, b) => a + Math.abs(b), 0),
    l2: Math.sqrt(values.reduce((a, b) => a + b * b, 0)),
  };
}

test('the formula gives the numbers that it states', () => {
  const { name, seed, u_first4 } = reference.formula.check;
  expect([0, 1, 2, 3].map(formulaNumbers(name, seed))).toEqual(u_first4);
});

describe.each(cases.map((one) => [one.id, one] as const))('%s', (id, expected) => {
  const { state, backbone, classify } = build(expected);
  const head = expected.eval_logits_f64 ? classify() : undefined;
  const run = (input: Input, mode: Mode): BackboneOutput & { readonly output: Tensor } => {
    setFormulaWeights(state, expected.formula_seed);
    const { features, embedding } = backbone.apply(images(input, expected.formula_seed), mode);
    return { features, embedding, output: head ? head.logits(embedding) : embedding };
  };
  afterAll(() => state.dispose());

  test('has the reference parameters, by number, name, order and shape', () => {
    const size = (variables: readonly StateVariable[]) =>
      variables.reduce((sum, { variable }) => sum + variable.size, 0);
    const buffers = state.all('statistic').filter(({ name }) => /running_(mean|var)$/.test(name));
    const frozen = state.all('statistic').filter((variable) => !buffers.includes(variable));
    expect(frozen.map(torchName)).toEqual(expected.frozen_params);
    expect(size(state.all('trainable'))).toBe(expected.params_trainable);
    expect(size([...state.all('trainable'), ...frozen])).toBe(expected.params_total);
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

  test('gives the reference output by running statistics', () => {
    scoped(() => {
      const { output, features, embedding } = run(expected.input, 'eval');
      const wanted = expected.eval_logits_f64 ?? expected.eval_embedding_f64;
      if (wanted) expect(error(output, wanted)).toBeLessThan(evalTolerance(id));
      const maps = [...features, embedding];
      expected.feature_stats_eval_f64?.forEach((stage, i) => {
        const map = maps[i] as Tensor;
        const [batch, ...rest] = stage.shape;
        expect(map.shape).toEqual([batch, ...rest.slice(1), rest[0]]);
        const { sum, absoluteSum, l2 } = statistics(map);
        expect(Math.abs(sum - stage.sum) / stage.abs_sum).toBeLessThan(1e-5);
        expect(absoluteSum / stage.abs_sum).toBeCloseTo(1, 5);
        expect(l2 / stage.l2).toBeCloseTo(1, 5);
      });
    });
  });

  const { train } = expected;
  const trained = train?.logits_f64 ?? train?.embedding_f64;
  if (train && trained) {
    test("gives the reference output by the batch's statistics", () => {
      scoped(() => expect(error(run(train.input, 'train').output, trained)).toBeLessThan(trainTolerance));
    });
  }
});
