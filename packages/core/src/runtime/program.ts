/**
 * A program: steps over shared state, each compiled into one TensorFlow function at its first call.
 *
 * A step is a pure function of its inputs and the state: it draws no random numbers on the host and never reads a tensor's
 * values. So it can be recorded once (compile/trace.ts), compiled to a graph over resource variables (compile/compile.ts) and
 * called by name off the JavaScript thread (compile/call.ts). With `eager` the same step runs operation by operation.
 */

import { type Attr, attr, backend, execute, executeAll, uniqueNumber } from './binding';
import { call, callEagerly, type StepFunction } from './compile/call';
import { type CompileOptions, compileStep, type Step } from './compile/compile';
import { encodeGraph, type GraphNode } from './compile/graph-def';
import { feed, type InputSpecs, type InputValues } from './compile/step-inputs';
import { configOf, type Precision, requireEffect } from './precision';
import { absentLike, assign, isAbsent, type State, type StateVariable } from './state';
import { type Tensor, tf } from './tensorflow';

export type CompiledStep<I extends InputSpecs, O extends string> = (
  values: InputValues<I>,
) => Promise<Readonly<Record<O, Float32Array>>>;

export interface StepOptions {
  /** The precision of the compiled step's convolutions and matrix products; its state stays float32. Default: float32. */
  readonly precision?: Precision;
}

export class Program {
  // Part of the names of functions and resources, which must be unique in the process.
  private readonly id = uniqueNumber();
  private readonly functions: string[] = [];
  private readonly resources = new Map<string, Tensor>();
  private running: string | undefined;
  private disposed = false;
  /** The tensors (ids) that each function has prepared. They are valid until the state changes. */
  private readonly prepared = new Map<string, readonly number[]>();

  constructor(
    readonly state: State,
    private readonly options: { readonly eager?: boolean } = {},
  ) {}

  /**
   * Adds a step, called `name` in errors. Its first call records it for the shapes of `inputs`, which all calls must have.
   * @param options for this step alone: a program may train in one precision and evaluate in another
   * @returns a function that runs the step; a program runs one call at a time
   */
  define<const I extends InputSpecs, O extends string>(
    name: string,
    inputs: I,
    step: Step<I, O>,
    { precision = 'float32' }: StepOptions = {},
  ): CompiledStep<I, O> {
    let compiled: StepFunction | undefined;
    return async (values) => {
      this.requireIdle(name);
      this.running = name;
      try {
        const fed = feed(name, inputs, values);
        if (this.options.eager) return callEagerly(step, inputs, fed);
        if (!compiled) {
          await requireEffect(precision);
          const isFloat32 = precision === 'float32';
          // Preparing in another precision would round differently.
          const options: CompileOptions = { prepare: isFloat32, kernels: isFloat32 ? 'all' : 'mixed' };
          compiled = { ...this.compile(name, inputs, step, options), config: configOf(precision) };
        }
        this.letGo([...compiled.tables, ...this.parts()]);
        if (compiled.writes) this.forget();
        return (await call(compiled, inputs, fed, await this.prepare(compiled))) as Record<O, Float32Array>;
      } finally {
        this.running = undefined;
        if (this.disposed) this.release();
      }
    };
  }

  /** Copies the eager variables to the program's copies of the state. An eager program has no copies. */
  push(): void {
    this.requireIdle('push');
    if (this.options.eager) return;
    this.forget();
    for (const entry of this.state.all()) if (!isAbsent(entry.variable)) this.pushOne(entry);
  }

  /** Copies the state that compiled steps have updated back to the eager variables. */
  pull(): void {
    this.requireIdle('pull');
    for (const { name, variable } of this.state.all()) {
      const resource = this.resources.get(name);
      if (resource) assign(variable, execute('ReadVariableOp', [attr.type('dtype', 'float32')], [resource]));
    }
  }

  /** Frees the functions and the copies of the state, after a running step has ended. The state itself stays. */
  dispose(): void {
    this.disposed = true;
    if (this.running === undefined) this.release();
  }

  /**
   * Frees the eager values of large tables, until `pull`: tables may be most of the memory, and TensorFlow
   * writes in place only to a tensor that nobody else holds.
   */
  private letGo(names: readonly string[]): void {
    for (const name of names) {
      const variable = this.state.get(name)?.variable;
      if (variable && !isAbsent(variable)) assign(variable, absentLike(variable));
    }
  }

  /** Parts of tables that several processes share, because one would not hold them. */
  private parts(): readonly string[] {
    return this.state.all().flatMap(({ name, part }) => (part ? [name] : []));
  }

  /** Computes what a step reads besides the state, unless that is done and the state has not changed since. */
  private async prepare({ name, preparation }: StepFunction): Promise<readonly number[]> {
    const known = preparation ? this.prepared.get(name) : [];
    if (!preparation || known) return known ?? [];
    const results = await backend().binding.callFunction(preparing(name), [], preparation.outputs.length);
    const ids = results.map(({ id }) => id);
    this.prepared.set(name, ids);
    return ids;
  }

  /** Frees prepared values: the state changes. */
  private forget(): void {
    for (const id of [...this.prepared.values()].flat()) backend().binding.deleteTensor(id);
    this.prepared.clear();
  }

  private release(): void {
    this.forget();
    for (const name of this.functions) backend().binding.removeFunction(name);
    destroy(this.resources.values());
    this.functions.length = 0;
    this.resources.clear();
  }

  private requireIdle(caller: string): void {
    if (this.disposed) throw new Error(`${caller} was called after its program was disposed of.`);
    if (this.running !== undefined) {
      throw new Error(`${caller} was called while ${this.running} is running; await one step before the next.`);
    }
  }

  private compile<I extends InputSpecs>(
    name: string,
    inputs: I,
    step: Step<I, string>,
    options: CompileOptions,
  ): StepFunction {
    for (const entry of this.state.all()) if (!this.resources.has(entry.name)) this.pushOne(entry);
    // Steps may share a name, and it may have characters that TensorFlow refuses.
    const functionName = `headshare_${this.id}_${name.replace(/\W/g, '_')}_${this.functions.length}`;
    const {
      nodes,
      feeds,
      shapes: _,
      ...graph
    } = compileStep(name, inputs, step, this.state, (entry) => this.handleAttrs(entry), options);
    const results = graph.outputs.map((output) => `output/${output}`);
    this.add(functionName, nodes, feeds, results);
    const { preparation } = graph;
    if (preparation) this.add(preparing(functionName), preparation.nodes, [], preparation.outputs);
    return { ...graph, step: name, name: functionName };
  }

  private add(name: string, nodes: readonly GraphNode[], feeds: readonly string[], results: readonly string[]): void {
    backend().binding.addFunction(name, encodeGraph(nodes), feeds, results);
    this.functions.push(name);
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
      backend().binding.madeVariables = true;
      resource = tf.keep(execute('VarHandleOp', this.handleAttrs(entry), []));
      this.resources.set(entry.name, resource);
    }
    executeAll('AssignVariableOp', [attr.type('dtype', 'float32')], [resource, entry.variable], 0);
  }
}

/** The name of the function that prepares what another one reads. */
const preparing = (name: string): string => `${name}_prepared`;

function destroy(resources: Iterable<Tensor>): void {
  for (const resource of resources) {
    executeAll('DestroyResourceOp', [attr.bool('ignore_lookup_error', true)], [resource], 0);
    resource.dispose();
  }
}
