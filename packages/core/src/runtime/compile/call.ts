/** Calls a step, compiled or eagerly, with arrays for inputs and outputs. */
import { types } from 'node:util';
import { collectivesAtRest } from '../at-rest';
import { backend, DType, type TensorInfo } from '../binding';
import { isLoss, LostPeers, requireNoAbort } from '../cluster';
import { contained } from '../contained';
import { type Tensor, tf } from '../tensorflow';
import type { Step, StepGraph } from './compile';
import type { FedValue, InputSpecs, StepInputs } from './step-inputs';

/** A TensorFlow function compiled from a step. */
export interface StepFunction extends Omit<StepGraph, 'nodes' | 'feeds' | 'shapes'> {
  readonly step: string;
  readonly name: string;
  /** A serialised ConfigProto for TensorFlow's graph optimiser. */
  readonly config?: Uint8Array | undefined;
}

/**
 * Calls the function off the JavaScript thread. Values are copied once on the way in and once on the way out.
 * @param prepared the ids of tensors that were prepared for it
 * @throws LostPeers when another process is lost, or `abortCollectives` was called, and the step waits for other processes;
 * else Error with TensorFlow's message and the user's line when an operation fails
 */
export async function call(
  step: StepFunction,
  specs: InputSpecs,
  values: readonly FedValue[],
  prepared: readonly number[] = [],
): Promise<Record<string, Float32Array>> {
  const { name, config, outputs } = step;
  if (step.collective) requireNoAbort(step.step);
  const { binding } = backend();
  const ids: number[] = [];
  let results: TensorInfo[] = [];
  try {
    for (const [index, { shape, dtype }] of Object.values(specs).entries()) {
      ids.push(binding.createTensor(shape, DType[dtype], values[index] as FedValue));
    }
    results = await binding.callFunction(name, [...ids, ...prepared], outputs.length, config);
    const read = results.map(({ id }) => binding.tensorDataSync(id) as Float32Array);
    return Object.fromEntries(outputs.map((output, index) => [output, read[index] as Float32Array]));
  } catch (error) {
    const problem = explained(step, error);
    if (problem instanceof LostPeers) await collectivesAtRest();
    throw problem;
  } finally {
    for (const id of [...ids, ...results.map((result) => result.id)]) binding.deleteTensor(id);
  }
}

/** TensorFlow's `{{function_node f}} Message [[{{node Op_7}}]]` with the step's name and line instead. */
function explained({ step, lineOf, collective }: StepFunction, error: unknown): unknown {
  // instanceof would fail under jest: the addon's errors belong to Node's realm, the tests to another.
  if (!types.isNativeError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  // Without the user's line, which takes as long as recording the step: others wait.
  if (collective && isLoss(Number(code))) {
    return new LostPeers(`${step} lost another process: ${firstLine(error.message)}`, Number(code), { cause: error });
  }
  const node = /\{\{node ([^}]+)\}\}/.exec(error.message)?.[1];
  const line = node && lineOf(node);
  if (!line) return error;
  const problem = new Error(`${step} failed at ${line} (${node}): ${firstLine(error.message)}`, { cause: error });
  return Object.assign(problem, { code });
}

const firstLine = (message: string): string =>
  message.replace(/\{\{function_node [^}]*\}\}\s*/g, '').split(/\s*\n/)[0] as string;

/** Runs the step operation by operation. */
export function callEagerly<I extends InputSpecs, O extends string>(
  step: Step<I, O>,
  specs: I,
  values: readonly FedValue[],
): Record<O, Float32Array> {
  return contained(() => {
    const tensors = Object.entries(specs).map(([key, { dtype, shape }], index) => {
      const value = values[index] as FedValue;
      const array = dtype === 'uint8' ? Float32Array.from(value) : value;
      return [key, tf.tensor(array, [...shape], dtype === 'int32' ? 'int32' : 'float32')];
    });
    const results = step(Object.fromEntries(tensors) as StepInputs<I>);
    return Object.fromEntries(
      Object.entries<Tensor>(results).map(([key, tensor]) => [key, Float32Array.from(tensor.dataSync())]),
    ) as Record<O, Float32Array>;
  });
}
