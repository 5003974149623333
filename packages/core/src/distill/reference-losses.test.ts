/**
 * Compares every loss and learned module with the reference's values: loss, components, gradients of inputs and
 * parameters, and updated buffers. A case's group, or the reference's symbol, selects its runner.
 */
import { type ReferenceValues, referenceFile } from '../../test/reference-cases';
import { embeddingRunners } from '../../test/reference-runners/embedding-runners';
import type { LossCase, Runner } from '../../test/reference-runners/given';
import { Given, inTorchLayout } from '../../test/reference-runners/given';
import { logitRunners } from '../../test/reference-runners/logit-runners';
import { mapRunners } from '../../test/reference-runners/map-runners';
import { scoped, type Tensor, tf } from '../runtime/tensorflow';

const runners: Readonly<Record<string, Runner>> = { ...logitRunners, ...mapRunners, ...embeddingRunners };

function runnerOf({ id, group, source }: LossCase): Runner {
  const names = [group, group.split('+')[0] ?? group, ...source.symbol.split(/[^\w]+/)];
  const found = names.map((name) => runners[name]).find((runner) => runner !== undefined);
  if (!found)
    throw new Error(`No runner for the case ${id}: neither its group ${group} nor ${source.symbol} is known.`);
  return found;
}

/** Compares within float32's rounding; gradients that are 0 in exact arithmetic are only rounding errors in both. */
function check(name: string, actual: ArrayLike<number>, { data }: ReferenceValues, relative = 1e-5): void {
  expect([name, actual.length]).toEqual([name, data.length]);
  const largest = Math.max(...data.map(Math.abs));
  const tolerance = largest < 1e-6 ? 1e-6 : relative * largest + 1e-7;
  const error = Math.max(...data.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN))));
  // `!(a <= b)` also catches NaN.
  if (!(error <= tolerance)) throw new Error(`${name}: differs by ${error}; the largest magnitude is ${largest}.`);
}

const scalar = (value: number): ReferenceValues => ({ shape: [], data: [value] });

interface Result {
  readonly given: Given;
  readonly loss: number;
  readonly components: ReadonlyMap<string, Float32Array>;
  readonly gradients: Readonly<Record<string, Tensor>>;
}

function run(one: LossCase, exact: boolean): Result {
  const given = new Given(one, exact);
  const forward = runnerOf(one)(given);
  const components = new Map<string, Float32Array>();
  const trainable = given.state.all('trainable').map(({ variable }) => variable);
  const { value, grads } = tf.variableGrads(() => {
    const outcome = forward();
    for (const [name, tensor] of Object.entries(outcome.components ?? {})) components.set(name, inTorchLayout(tensor));
    return outcome.loss;
  }, trainable);
  return { given, loss: value.dataSync()[0] ?? Number.NaN, components, gradients: grads };
}

function checkCase(one: LossCase): void {
  const { expected, group } = one;
  const { given, loss, components, gradients } = run(one, false);
  check('loss', [loss], scalar(expected.loss_f64));
  // Singular vectors and their gradients are less exact if neighbouring singular values are close.
  const relative = /SVD/.test(group) ? 1e-3 : 1e-5;
  for (const [name, expectedValue] of Object.entries(expected.components ?? {})) {
    const actual = components.get(name);
    if (!actual) throw new Error(`No runner returns the component ${name}.`);
    if (typeof expectedValue === 'number') check(name, actual, scalar(expectedValue));
    else check(name, actual, expectedValue, relative);
  }
  const gradientOf = (name: string, variable: { name: string } | undefined, all: typeof gradients): Tensor => {
    const gradient = variable && all[variable.name];
    if (!gradient) throw new Error(`No gradient reaches ${name}.`);
    return gradient;
  };
  for (const [name, expectedValue] of Object.entries(expected.grads_f32)) {
    const gradient = gradientOf(name, given.input(name), gradients);
    check(`gradient of ${name}`, inTorchLayout(gradient), expectedValue, relative);
  }
  for (const [name, expectedValue] of Object.entries(expected.param_grads_f32 ?? {})) {
    const tracked = given.parameters.get(name);
    const gradient = gradientOf(name, tracked?.variable, gradients);
    check(`gradient of ${name}`, inTorchLayout(gradient, tracked?.kind), expectedValue, relative);
  }
  for (const [name, expectedValue] of Object.entries(expected.buffers_after_f32 ?? {})) {
    const after = given.buffers.get(name) ?? given.parameters.get(name)?.variable.dataSync();
    if (!after) throw new Error(`No runner stores the buffer ${name}.`);
    check(`${name} after`, after as Float32Array, expectedValue);
  }
  given.state.dispose();
  if (!expected.grads_true_f32) return;
  const exact = run(one, true);
  for (const [name, expectedValue] of Object.entries(expected.grads_true_f32)) {
    const gradient = gradientOf(name, exact.given.input(name), exact.gradients);
    // The sine of an angle is ill-conditioned near 0 and pi: at a cosine of -0.9997, PyTorch's float32 is 5e-5 off too.
    check(`derivative by ${name}`, inTorchLayout(gradient), expectedValue, 5e-5);
  }
  exact.given.state.dispose();
}

const ownFiles = process.env.REFERENCE_CASES ? [] : ['more-losses.json'];
const cases = ['losses.json', ...ownFiles].flatMap((file) => referenceFile<{ cases: readonly LossCase[] }>(file).cases);

test.each(cases.map((one) => [one.id, one] as const))('%s', (_, one) => {
  const before = tf.memory().numTensors;
  scoped(() => checkCase(one));
  expect(tf.memory().numTensors).toBe(before);
});

test('a case of an unknown group is an error', () => {
  const [first] = cases as [LossCase];
  expect(() => checkCase({ ...first, group: 'XYZ', source: { symbol: 'XyzLoss' } })).toThrow('neither its group XYZ');
});
