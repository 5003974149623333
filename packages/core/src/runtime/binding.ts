/** A typed view of tfjs-node's backend: TensorFlow operations by name, and the handles beneath tensors. */
import { onGpu, type Tensor, tf } from './tensorflow';

/** TensorFlow's numbers for element types, as far as used here (tensorflow/core/framework/types.proto). */
export const DType = {
  float32: 1,
  float64: 2,
  uint8: 4,
  int8: 6,
  int32: 3,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
} as const;

export const dtypeName: ReadonlyMap<number, keyof typeof DType> = new Map(
  Object.entries(DType).map(([name, number]) => [number, name as keyof typeof DType]),
);

/** TensorFlow's numbers for attribute kinds (TF_AttrType in c_api.h). */
export const AttrKind = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

export interface Attr {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

export interface TensorInfo {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export type Values = Float32Array | Int32Array | Uint8Array | BigInt64Array;

/** The native addon: tfjs-node's functions and those that packages/core/native/addon.cc adds. */
export interface Binding {
  /** The CPU kernels of this package that TensorFlow accepted; absent in addons that were built before they existed. */
  readonly kernels?: readonly string[];
  createTensor(shape: readonly number[], dtype: number, values: Values | number[] | boolean[]): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Values;
  executeOp(name: string, attrs: readonly Attr[], inputs: readonly number[], outputs: number): TensorInfo[];
  getNumOfTensors(): number;
  addFunction(name: string, graphDef: Uint8Array, inputs: readonly string[], outputs: readonly string[]): void;
  removeFunction(name: string): void;
  /**
   * The shapes and types that TensorFlow infers for the outputs of an operation in a serialised graph; nothing is computed.
   * Undefined where TensorFlow does not accept the graph, or does not know a shape. Absent in addons that were built before
   * it existed.
   */
  inferOutputs?(graphDef: Uint8Array, name: string): readonly Omit<TensorInfo, 'id'>[] | undefined;
  /**
   * @param config a serialised ConfigProto for TensorFlow's graph optimiser; undefined: TensorFlow's defaults
   * @throws Error with TensorFlow's number for the kind of error as `code`, a text
   */
  callFunction(
    name: string,
    inputs: readonly number[],
    outputs: number,
    config?: Uint8Array | undefined,
  ): Promise<TensorInfo[]>;
  /**
   * Starts TensorFlow's server for collective operations, or gives the running one other members.
   * @param serverDef a serialised ServerDef
   * @returns the names of this process's devices
   */
  enableCollectiveOps(serverDef: Uint8Array): string[];
  /** Collective operations, running and new ones, fail with this code until the next enabling. */
  abortCollectiveOps(code: number, message: string): void;
  /**
   * Whether this process's server will listen on this IP address only, and accept connections from the members' IP addresses
   * only: false where `serverProtection` was not in the process's environment at its start.
   */
  protectServer(address: string, port: number, members: readonly string[]): boolean;
  // Notes about this process. Jest loads modules several times in a process, but this object once.
  /** Whether a program has made variables. */
  madeVariables?: boolean;
  /** The task and address with which the server started. */
  clusterMember?: string;
  /** Why collective operations were aborted, until the next enabling. */
  aborted?: string | undefined;
}

interface Backend {
  binding: Binding;
  createOutputTensor(info: TensorInfo): Tensor;
  tensorMap: { get(dataId: object): { id: number; shape: number[]; dtype: number } };
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  executeSingleOutput(name: string, attrs: readonly Attr[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attrs: readonly Attr[], inputs: readonly Tensor[], outputs: number): Tensor[];
}

export function backend(): Backend {
  return tf.backend() as unknown as Backend;
}

/** The id of the TensorFlow handle beneath `tensor`; uploads its values first where tfjs postponed that. */
export function handleOf(tensor: Tensor): number {
  const [id] = backend().getInputTensorIds([tensor]);
  if (id === undefined) throw new Error('A tensor without a handle.');
  return id;
}

/** A number that is unique in this process, also across the many copies of this module that jest loads. */
export function uniqueNumber(): number {
  const { binding } = backend();
  // TensorFlow numbers handles consecutively.
  const id = binding.createTensor([], DType.int32, Int32Array.of(0));
  binding.deleteTensor(id);
  return id;
}

/** True when the kernel `name` of this package can run on TensorFlow's device. */
export function hasKernel(name: string): boolean {
  return backend().binding.kernels?.includes(name) === true && !onGpu();
}

/** Runs a TensorFlow operation that has one output. */
export function execute(name: string, attrs: readonly Attr[], inputs: readonly Tensor[]): Tensor {
  return backend().executeSingleOutput(name, attrs, inputs);
}

/** Runs a TensorFlow operation that has several outputs. */
export function executeAll(name: string, attrs: readonly Attr[], inputs: readonly Tensor[], outputs: number): Tensor[] {
  return backend().executeMultipleOutputs(name, attrs, inputs, outputs);
}

/** A shape as operations take it: int32 [rank]. */
export const shapeTensor = (shape: readonly number[]): Tensor => tf.tensor1d([...shape], 'int32');

export const attr = {
  type: (name: string, value: keyof typeof DType): Attr => ({ name, type: AttrKind.type, value: DType[value] }),
  int: (name: string, value: number): Attr => ({ name, type: AttrKind.int, value }),
  ints: (name: string, value: readonly number[]): Attr => ({ name, type: AttrKind.int, value }),
  float: (name: string, value: number): Attr => ({ name, type: AttrKind.float, value }),
  bool: (name: string, value: boolean): Attr => ({ name, type: AttrKind.bool, value }),
  string: (name: string, value: string): Attr => ({ name, type: AttrKind.string, value }),
  shape: (name: string, value: readonly number[]): Attr => ({ name, type: AttrKind.shape, value }),
};
