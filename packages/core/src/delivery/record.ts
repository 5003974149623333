/**
 * Records what a network makes of images, as TensorFlow's own operations, for any number of images.
 *
 * It records twice, for 2 and for 3 images: a size that differs between the two recordings follows the batch, and one that
 * does not is the network's. So no layer has to know that it is exported.
 */
import { DType } from '../runtime/binding';
import type { CallSite } from '../runtime/compile/call-site';
import type { GraphNode } from '../runtime/compile/graph-def';
import { trace } from '../runtime/compile/trace';
import { contained } from '../runtime/contained';
import type { State } from '../runtime/state';
import type { Tensor, Tensor4D } from '../runtime/tensorflow';
import { bytesOf } from '../system/bytes-of';
import { Constants } from './constants';
import type { Size } from './graph';
import { constantIn, nodeOf, type RecordedNode, type Recording } from './recording';

/** The name of the images [batch, height, width, channels], float32, in a recording. */
export const recordedInput = 'pixels';

const batches = [2, 3] as const;

/**
 * @param state the network's; its variables are disposed of, as the recording takes their values over
 * @param image [height, width, channels]
 * @param body makes the network's results from pixels [batch, ...image], float32
 * @throws Error when a value depends on the number of images in a way other than as a multiple of it
 */
export function recordInference(
  state: State,
  image: readonly [number, number, number],
  body: (pixels: Tensor4D) => Readonly<Record<string, Tensor>>,
): Recording {
  const [two, three] = batches.map((batch, i) => once(state, [batch, ...image], body, i === 0)) as [Once, Once];
  const nodes = two.nodes.map((node, i) => {
    const other = three.nodes[i];
    const site = two.sites[i];
    if (!other || node.op !== other.op || node.inputs.join() !== other.inputs.join()) {
      throw new Error(`${node.name} (${site}) is another operation for another number of images.`);
    }
    return { ...node, ...(node.op === 'Const' && { attrs: sameConstant(node, other, site) }), site } as RecordedNode;
  });
  const reached = reachedFrom(nodes, [...two.outputs.values()]);
  const shapes = new Map(
    [...two.shapes].map(([name, shape]) => [
      name,
      shape.map((size, i) => sizeOf(size, three.shapes.get(name)?.[i], name)),
    ]),
  );
  const constants = new Constants(state, reached, shapes);
  try {
    const varying = reached.filter((node) => !constants.absorb(node));
    return { nodes: varying, shapes, constants: constants.known, input: recordedInput, outputs: two.outputs };
  } finally {
    constants.dispose();
  }
}

interface Once {
  readonly nodes: readonly GraphNode[];
  readonly sites: readonly CallSite[];
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly outputs: ReadonlyMap<string, string>;
}

function once(
  state: State,
  shape: readonly number[],
  body: (pixels: Tensor4D) => Readonly<Record<string, Tensor>>,
  lines: boolean,
): Once {
  const given = state.all().map(({ name, variable }) => ({ node: name, tensor: variable as Tensor }));
  const pixels = { node: recordedInput, shape, dtype: DType.float32 };
  const record = () =>
    trace(
      'the network',
      given,
      [pixels],
      ([input], find) =>
        new Map(Object.entries(body(input as Tensor4D)).map(([name, tensor]) => [name, find(tensor).reference])),
      { kernels: 'none', lines },
    );
  const { nodes, sites, shapes, result } = contained(record);
  return { nodes, sites, shapes, outputs: result };
}

/** Leaves out what only gradients would read. */
function reachedFrom(nodes: readonly RecordedNode[], outputs: readonly string[]): readonly RecordedNode[] {
  const wanted = new Set(outputs.map(nodeOf));
  return nodes
    .toReversed()
    .filter(({ name, inputs }) => {
      if (!wanted.has(name)) return false;
      for (const input of inputs) wanted.add(nodeOf(input));
      return true;
    })
    .toReversed();
}

function sizeOf(two: number, three: number | undefined, name: string): Size {
  if (two === three) return two;
  if (three !== undefined && two * 3 === three * 2) return { perImage: two / 2 };
  throw new Error(`A size of ${name} is ${two} for 2 images and ${three} for 3, which is no multiple of their number.`);
}

/**
 * The attributes of a constant. Whole numbers may differ with the batch (shapes; `shapes` says how), and then count as those
 * for 2 images.
 */
function sameConstant(two: GraphNode, three: GraphNode, site: CallSite | undefined): GraphNode['attrs'] {
  const [a, b] = [two, three].map(constantIn) as [ReturnType<typeof constantIn>, ReturnType<typeof constantIn>];
  const isSame = a.values.length === b.values.length && Buffer.compare(bytesOf(a.values), bytesOf(b.values)) === 0;
  if (!isSame && a.dtype === DType.float32) {
    throw new Error(`${two.name} (${site}) has other values for another number of images.`);
  }
  return two.attrs;
}
