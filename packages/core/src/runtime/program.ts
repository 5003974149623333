/**
 * A program: steps over shared state, each compiled into one TensorFlow function at its first call.
 *
 * A step is a pure function of its inputs and of the state: it draws no random numbers on the host and never looks at
 * a tensor's values. So it can be recorded once (trace.ts), turned into a graph over resource variables, and called by
 * name like any operation, off the JavaScript thread. With `eager` the same step runs operation by operation.
 */
import { type Attr, attr, backend, DType, execute, executeAll, type TensorInfo } from './binding';
import { encodeGraph, type GraphNode } from './graph-def';
import { assign, type State, type StateVariable } from './state';
import { scoped, type Tensor, tf } from './tensorflow';
import { trace } from './trace';

/** uint8 inputs reach the step as float32 values 0..255; the conversion happens inside the program. */
export interface InputSpec {
  readonly dtype: 'uint8' | 'int32' | 'float32';
  readonly shape: readonly number[];
}

export type InputSpecs = Readonly<Record<string, InputSpec>>;
export type StepInputs<I extends InputSpecs> = { readonly [K in keyof I]: Tensor };
/** A step returns float32 tensors by name. */
export type Step<I extends InputSpecs, O extends string> = (inputs: StepInputs<I>) => Readonly<Record<O, Tensor>>;

type InputValue<S extends InputSpec> =
  | (S['dtype'] extends 'uint8' ? Uint8Array : S['dtype'] extends 'int32' ? Int32Array : Float32Array)
  | (S['shape'] extends readonly [] ? number : never);
export type InputValues<I extends InputSpecs> = { readonly [K in keyof I]: InputValue<I[K]> };

export type CompiledStep<I extends InputSpecs, O extends string> = (
  values: InputValues<I>,
) => Promise<Readonly<Record<O, Float32Array>>>;

interface Compiled {
  readonly functionName: string;
  readonly outputs: readonly string[];
}

let programs = 0;

export class Program {
  private readonly id = programs++;
  private readonly functions: string[] = [];
  private readonly resources = new Map<string, Tensor>();
  private running: string | undefined;

  constructor(
    readonly state: State,
    private readonly options: { readonly eager?: boolean } = {},
  ) {}

  /**
   * Adds a step. It is recorded at its first call, for the shapes of `inputs`, so later batches must have them too.
   * @returns the step as a promise of its outputs; one call may be in flight per program.
   */
  define<const I extends InputSpecs, O extends string>(name: string, inputs: I, step: Step<I, O>): CompiledStep<I, O> {
    let compiled: Compiled | undefined;
    return async (values) => {
      if (this.running !== undefined) {
        throw new Error(`${name} was called while ${this.running} is running; await one step before the next.`);
      }
      this.running = name;
      try {
        const fed = feed(name, inputs, values);
        if (this.options.eager) return runEagerly(step, inputs, fed);
        compiled ??= this.compile(name, inputs, step);
        return (await call(compiled, inputs, fed)) as Record<O, Float32Array>;
      } finally {
        this.running = undefined;
      }
    };
  }

  /** Makes the program's copies of the state those of the eager variables. An eager program has no copies. */
  push(): void {
    if (this.options.eager) return;
    for (const entry of this.state.all()) this.pushOne(entry);
  }

  /** Brings the state that compiled steps have updated back into the eager variables. */
  pull(): void {
    for (const { name, variable } of this.state.all()) {
      const resource = this.resources.get(name);
      if (resource) assign(variable, execute('ReadVariableOp', [attr.type('dtype', 'float32')], [resource]));
    }
  }

  dispose(): void {
    for (const name of this.functions) backend().binding.removeFunction(name);
    for (const resource of this.resources.values()) {
      executeAll('DestroyResourceOp', [attr.bool('ignore_lookup_error', true)], [resource], 0);
      resource.dispose();
    }
    this.functions.length = 0;
    this.resources.clear();
  }

  private handleAttrs({ name, shape }: StateVariable): Attr[] {
    return [
      attr.type('dtype', 'float32'),
      attr.shape('shape', shape),
      attr.string('shared_name', `headshare/${this.id}/${name}`),
      attr.string('container', ''),
    ];
  }

  private pushOne(entry: StateVariable): void {
    let resource = this.resources.get(entry.name);
    if (!resource) {
      resource = tf.keep(execute('VarHandleOp', this.handleAttrs(entry), []));
      this.resources.set(entry.name, resource);
    }
    executeAll('AssignVariableOp', [attr.type('dtype', 'float32')], [resource, entry.variable], 0);
  }

  private compile<I extends InputSpecs>(name: string, inputs: I, step: Step<I, string>): Compiled {
    const state = this.state.all();
    for (const entry of state) if (!this.resources.has(entry.name)) this.pushOne(entry);
    const before = state.map(({ variable }) => tf.keep(variable.clone()));
    const samples = Object.entries(inputs).map(([key, spec]) => ({ key, spec, tensor: tf.keep(zeros(spec)) }));
    try {
      const known = new Map<string, Tensor>([
        ...samples.map(({ key, tensor }): [string, Tensor] => [`input/${key}`, tensor]),
        ...state.map(({ name: variable, variable: tensor }): [string, Tensor] => [`read/${variable}`, tensor]),
      ]);
      const recorded = trace(known, (find) =>
        scoped(() => {
          const results = step(Object.fromEntries(samples.map(({ key, tensor }) => [key, tensor])) as StepInputs<I>);
          const outputs = Object.entries(results).map(([key, tensor]) => ({ key, ...find(tensor) }));
          const wrong = outputs.find(({ dtype }) => dtype !== DType.float32);
          if (wrong) throw new Error(`The output ${wrong.key} of ${name} is not float32.`);
          const updates = state.flatMap((entry) => {
            const { reference } = find(entry.variable);
            return reference === `read/${entry.name}` ? [] : [{ entry, reference }];
          });
          return { outputs, updates };
        }),
      );
      const { outputs, updates } = recorded.result;
      const graph: GraphNode[] = [
        ...samples.flatMap(({ key, spec }) => inputNodes(key, spec)),
        ...state.flatMap((entry) => readNodes(entry, this.handleAttrs(entry))),
        ...recorded.nodes,
        // An assignment waits for its variable's read: within the step, everyone sees the value from before.
        ...updates.map(({ entry, reference }) => ({
          name: `assign/${entry.name}`,
          op: 'AssignVariableOp',
          inputs: [`handle/${entry.name}`, reference, `^read/${entry.name}`],
          attrs: [attr.type('dtype', 'float32')],
        })),
        // Outputs wait for the assignments, which nothing else would make run.
        ...outputs.map(({ key, reference }) => ({
          name: `output/${key}`,
          op: 'Identity',
          inputs: [reference, ...updates.map(({ entry }) => `^assign/${entry.name}`)],
          attrs: [attr.type('T', 'float32')],
        })),
      ];
      const functionName = `headshare_${this.id}_${name}_${this.functions.length}`;
      backend().binding.addFunction(
        functionName,
        encodeGraph(graph),
        samples.map(({ key }) => `feed/${key}`),
        outputs.map(({ key }) => `output/${key}`),
      );
      this.functions.push(functionName);
      return { functionName, outputs: outputs.map(({ key }) => key) };
    } finally {
      for (const { tensor } of samples) tensor.dispose();
      for (const [index, { variable }] of state.entries()) {
        const value = before[index];
        if (value) assign(variable, value);
      }
    }
  }
}

const shapeOf = (spec: InputSpec): number[] => [...spec.shape];

function zeros(spec: InputSpec): Tensor {
  return tf.zeros(shapeOf(spec), spec.dtype === 'int32' ? 'int32' : 'float32');
}

function inputNodes(key: string, { dtype, shape }: InputSpec): GraphNode[] {
  const type = attr.type('dtype', dtype);
  const feedNode = { name: `feed/${key}`, op: 'Placeholder', inputs: [], attrs: [type, attr.shape('shape', shape)] };
  const read =
    dtype === 'uint8'
      ? { op: 'Cast', attrs: [attr.type('SrcT', 'uint8'), attr.type('DstT', 'float32')] }
      : { op: 'Identity', attrs: [attr.type('T', dtype)] };
  return [feedNode, { name: `input/${key}`, inputs: [`feed/${key}`], ...read }];
}

function readNodes({ name }: StateVariable, handleAttrs: Attr[]): GraphNode[] {
  return [
    { name: `handle/${name}`, op: 'VarHandleOp', inputs: [], attrs: handleAttrs },
    {
      name: `read/${name}`,
      op: 'ReadVariableOp',
      inputs: [`handle/${name}`],
      attrs: [attr.type('dtype', 'float32')],
    },
  ];
}

type FedValue = Uint8Array | Int32Array | Float32Array;

/** Checks the call's values against the declared inputs; numbers become arrays of one. */
function feed(step: string, specs: InputSpecs, values: Readonly<Record<string, FedValue | number>>): FedValue[] {
  return Object.entries(specs).map(([key, spec]) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${step} needs the input ${key}.`);
    const array =
      typeof value !== 'number' ? value : spec.dtype === 'int32' ? Int32Array.of(value) : Float32Array.of(value);
    const size = spec.shape.reduce((a, b) => a * b, 1);
    const kind = { uint8: 'Uint8Array', int32: 'Int32Array', float32: 'Float32Array' }[spec.dtype];
    if (array.length !== size || array.constructor.name !== kind) {
      throw new Error(
        `${step}: the input ${key} must be a ${kind} of ${size} values ([${spec.shape}]), got ${array.constructor.name} of ${array.length}.`,
      );
    }
    return array;
  });
}

async function call(
  { functionName, outputs }: Compiled,
  specs: InputSpecs,
  values: readonly FedValue[],
): Promise<Record<string, Float32Array>> {
  const { binding } = backend();
  const ids = Object.values(specs).map((spec, index) =>
    binding.createTensor(spec.shape, DType[spec.dtype], values[index] as FedValue),
  );
  let results: TensorInfo[];
  try {
    results = await binding.callFunction(functionName, ids, outputs.length);
  } finally {
    for (const id of ids) binding.deleteTensor(id);
  }
  return Object.fromEntries(
    results.map(({ id }, index) => {
      const data = binding.tensorDataSync(id) as Float32Array;
      binding.deleteTensor(id);
      return [outputs[index], data];
    }),
  );
}

function runEagerly<I extends InputSpecs, O extends string>(
  step: Step<I, O>,
  specs: I,
  values: readonly FedValue[],
): Record<O, Float32Array> {
  return scoped(() => {
    const tensors = Object.entries(specs).map(([key, spec], index) => {
      const value = values[index] as FedValue;
      const array = spec.dtype === 'uint8' ? Float32Array.from(value) : value;
      return [key, tf.tensor(array, shapeOf(spec), spec.dtype === 'int32' ? 'int32' : 'float32')];
    });
    const results = step(Object.fromEntries(tensors) as StepInputs<I>);
    return Object.fromEntries(
      Object.entries<Tensor>(results).map(([key, tensor]) => [key, Float32Array.from(tensor.dataSync())]),
    ) as Record<O, Float32Array>;
  });
}
