/**
 * Gradients by central differences in float64, for an operation that runs in float32. Differences of float32 values have only
 * about three digits; these have more than a float32 can hold, so a comparison shows the gradient's own rounding.
 *
 * tfjs has no float64, but TensorFlow does: the operation is recorded (runtime/compile/trace.ts), every float32 in the recording
 * becomes a float64, and f(x + h d) - f(x - h d) a function of x and the direction d with float32 inputs and outputs.
 */
import { type Attr, AttrKind, attr, backend, DType } from '../src/runtime/binding';
import { type ConstantValue, encodeGraph, type GraphNode, type NodeAttr } from '../src/runtime/compile/graph-def';
import { trace } from '../src/runtime/compile/trace';
import { contained } from '../src/runtime/contained';
import { scoped, type Tensor, tf } from '../src/runtime/tensorflow';
import { randomValues } from './gradient-check';

const float64 = 2;
const wide = (name: string): Attr => ({ name, type: AttrKind.type, value: float64 });
// At this step rounding costs 1e-10, and truncation less; a wider step crosses the kinks of nearly equal maxima.
const step = 1e-6;

const constant = (name: string, tensor: ConstantValue): GraphNode => ({
  name,
  op: 'Const',
  inputs: [],
  attrs: [
    { name: 'dtype', type: AttrKind.type, value: tensor.dtype },
    { name: 'value', tensor },
  ],
});

const doubles = (values: ArrayLike<number>, shape: readonly number[]): ConstantValue => ({
  dtype: float64,
  shape,
  values: new Uint8Array(Float64Array.from(values).buffer),
});

const integers = (values: ArrayLike<number>, shape: readonly number[]): ConstantValue => ({
  dtype: DType.int32,
  shape,
  values: Int32Array.from(values),
});

const cast = (name: string, input: string, from: number, to: number): GraphNode => ({
  name,
  op: 'Cast',
  inputs: [input],
  attrs: [
    { name: 'SrcT', type: AttrKind.type, value: from },
    { name: 'DstT', type: AttrKind.type, value: to },
  ],
});

const binary = (name: string, op: string, ...inputs: [string, string]): GraphNode => ({
  name,
  op,
  inputs,
  attrs: [wide('T')],
});

function widenAttr(given: NodeAttr): NodeAttr {
  if (!('tensor' in given)) {
    return given.type === AttrKind.type && given.value === DType.float32 ? wide(given.name) : given;
  }
  const { dtype, shape, values } = given.tensor;
  return dtype === DType.float32 ? { name: given.name, tensor: doubles(values as Float32Array, shape) } : given;
}

/** The recorded nodes under `prefix`, in float64. */
const widened = (nodes: readonly GraphNode[], prefix: string): GraphNode[] =>
  nodes.map(({ name, op, inputs, attrs }) => ({
    name: `${prefix}/${name}`,
    op,
    inputs: inputs.map((input) => `${prefix}/${input}`),
    attrs: attrs.map(widenAttr),
  }));

type Op = (...inputs: Tensor[]) => Tensor;

function record(op: Op, inputs: readonly Tensor[], constants: readonly Tensor[]) {
  const given = [
    ...inputs.map((tensor, i) => ({ node: `input/${i}`, tensor })),
    ...constants.map((tensor, i) => ({ node: `constant/${i}`, tensor })),
  ];
  const body = (_: unknown, find: (tensor: Tensor) => { readonly reference: string }) => {
    const y = op(...inputs);
    return { output: find(y).reference, shape: y.shape };
  };
  // This project's kernels have no float64.
  return contained(() => trace('the operation', given, [], body, { kernels: 'none' }));
}

/** The graph of (f(x + h d) - f(x - h d)) / 2h, where f is the sum of `op`'s values times `weights`. */
function differences(op: Op, inputs: readonly Tensor[], constants: readonly Tensor[], weights: Tensor): GraphNode[] {
  const { nodes, result } = record(op, inputs, constants);
  const placeholder = (name: string, { shape }: Tensor): GraphNode => ({
    name,
    op: 'Placeholder',
    inputs: [],
    attrs: [attr.type('dtype', 'float32'), attr.shape('shape', shape)],
  });
  const side = (name: 'above' | 'below', sign: 'AddV2' | 'Sub'): GraphNode[] => [
    ...inputs.map((_, i) => binary(`${name}/input/${i}`, sign, `at/${i}`, `moved/${i}`)),
    ...constants.map((tensor, i) => {
      const tensorOf = tensor.dtype === 'int32' ? integers : doubles;
      return constant(`${name}/constant/${i}`, tensorOf(tensor.dataSync(), tensor.shape));
    }),
    ...widened(nodes, name),
    binary(`${name}/weighted`, 'Mul', `${name}/${result.output}`, 'weights'),
    {
      name: `${name}/sum`,
      op: 'Sum',
      inputs: [`${name}/weighted`, 'axes'],
      attrs: [wide('T'), attr.type('Tidx', 'int32'), attr.bool('keep_dims', false)],
    },
  ];
  return [
    ...inputs.flatMap((tensor, i) => [
      placeholder(`x/${i}`, tensor),
      cast(`at/${i}`, `x/${i}`, DType.float32, float64),
      placeholder(`d/${i}`, tensor),
      cast(`direction/${i}`, `d/${i}`, DType.float32, float64),
      binary(`moved/${i}`, 'Mul', `direction/${i}`, 'step'),
    ]),
    constant('step', doubles([step], [])),
    constant('twice', doubles([2 * step], [])),
    constant('weights', doubles(weights.dataSync(), weights.shape)),
    constant('axes', integers([...result.shape.keys()], [result.shape.length])),
    ...side('above', 'AddV2'),
    ...side('below', 'Sub'),
    binary('difference', 'Sub', 'above/sum', 'below/sum'),
    binary('quotient', 'RealDiv', 'difference', 'twice'),
    cast('slope', 'quotient', float64, DType.float32),
  ];
}

let functions = 0;

/** The slopes of the weighted sum along every entry of every input. */
async function slopes(graph: readonly GraphNode[], inputs: readonly Tensor[]): Promise<number[][]> {
  const { binding } = backend();
  const name = `headshare_differences_${functions++}`;
  const feeds = [...inputs.map((_, i) => `x/${i}`), ...inputs.map((_, i) => `d/${i}`)];
  binding.addFunction(name, encodeGraph(graph), feeds, ['slope']);
  const upload = (shape: readonly number[], values: Float32Array) => binding.createTensor(shape, DType.float32, values);
  const at = inputs.map((tensor) => upload(tensor.shape, tensor.dataSync() as Float32Array));
  const still = inputs.map((tensor) => upload(tensor.shape, new Float32Array(tensor.size)));
  try {
    const all: number[][] = [];
    for (const [which, { shape, size }] of inputs.entries()) {
      const own: number[] = [];
      for (let entry = 0; entry < size; entry++) {
        const along = new Float32Array(size);
        along[entry] = 1;
        const direction = upload(shape, along);
        const ids = [...at, ...still.map((id, i) => (i === which ? direction : id))];
        const [slope] = await binding.callFunction(name, ids, 1);
        binding.deleteTensor(direction);
        if (!slope) throw new Error('TensorFlow returned no slope.');
        own.push(Number(binding.tensorDataSync(slope.id)[0]));
        binding.deleteTensor(slope.id);
      }
      all.push(own);
    }
    return all;
  } finally {
    for (const id of [...at, ...still]) binding.deleteTensor(id);
    binding.removeFunction(name);
  }
}

/**
 * Compares the gradients (float32) of a randomly weighted sum of `op`'s values with central differences in float64.
 * @param constants other tensors that `op` uses, besides its inputs
 * @returns for each input, the largest difference divided by the largest entry
 * @throws Error where TensorFlow has no float64 kernel for an operation (FusedBatchNormV3, the kernels of this package); use
 * `gradientErrors` there
 */
export async function float64GradientErrors(
  op: Op,
  inputs: readonly Tensor[],
  constants: readonly Tensor[] = [],
): Promise<number[]> {
  const weights = randomValues(
    'weights',
    scoped(() => op(...inputs).shape),
  );
  const gradients = tf.grads((...given) => tf.sum(tf.mul(op(...given), weights)))([...inputs]);
  try {
    const numeric = await slopes(differences(op, inputs, constants, weights), inputs);
    return numeric.map((expected, which) => {
      const analytic = (gradients[which] as Tensor).dataSync();
      const largest = Math.max(...expected.map(Math.abs), 1e-6);
      return Math.max(...expected.map((value, i) => Math.abs(value - (analytic[i] ?? Number.NaN)))) / largest;
    });
  } finally {
    tf.dispose([weights, ...gradients]);
  }
}
