/**
 * A program: steps over shared state, each compiled into one TensorFlow function at its first call.
 *
 * A step is a pure function of its inputs and of the state: it draws no random numbers on the host and never looks at
 * a tensor's values. So it can be recorded once (compile/trace.ts), turned into a graph over resource variables (compile/compile.ts),
 * and called by name like any operation, off the JavaScript thread (compile/call.ts). With `eager` the same step runs operation
 * by operation.
 */

import { type Attr, attr, backend, execute, executeAll, uniqueNumber } from './binding';
import { call, callEagerly, type StepFunction } from './compile/call';
import { compileStep, type Step } from './compile/compile';
import { encodeGraph } from './compile/graph-def';
import { feed, type InputSpecs, type InputValues } from './compile/step-inputs';
import { configOf, type Precision, requireEffect } from './precision';
import { absentLike, assign, isAbsent, type State, type StateVariable } from './state';
import { type Tensor, tf } from './tensorflow';

export type CompiledStep<I extends InputSpecs, O extends string> = (
  values: InputValues<I>,
) => Promise<Readonly<Record<O, Float32Array>>>;

export interface StepOptions {
  /** What the compiled step's convolutions and matrix products compute in; its state stays float32 (default). */
  readonly precision?: Precision;
}

export class Program {
  // In the names of functions and resources, which TensorFlow keeps for the whole process.
  private readonly id = uniqueNumber();
  private readonly functions: string[] = [];
  private readonly resources = new Map<string, Tensor>();
  private running: string | undefined;
  private disposed = false;
  private readonly tables = new Map<StepFunction, readonly string[]>();

  constructor(
    readonly state: State,
    private readonly options: { readonly eager?: boolean } = {},
  ) {}

  /**
   * Adds a step, called `name` in errors. It is recorded at its first call, for the shapes of `inputs`, so later batches
   * must have them too.
   * @param options of this step alone: a program trains in one precision and evaluates in another
   * @returns the step as a promise of its outputs; one call may be in flight per program
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
          const { tables, ...made } = this.compile(name, inputs, step);
          compiled = { ...made, config: configOf(precision) };
          this.tables.set(compiled, tables);
        }
        this.letGo(this.tables.get(compiled) ?? []);
        return (await call(compiled, inputs, fed)) as Record<O, Float32Array>;
      } finally {
        this.running = undefined;
        if (this.disposed) this.release();
      }
    };
  }

  /** Makes the program's copies of the state those of the eager variables. An eager program has no copies. */
  push(): void {
    this.requireIdle('push');
    if (this.options.eager) return;
    for (const entry of this.state.all()) if (!isAbsent(entry.variable)) this.pushOne(entry);
  }

  /** Brings the state that compiled steps have updated back into the eager variables. */
  pull(): void {
    this.requireIdle('pull');
    for (const { name, variable } of this.state.all()) {
      const resource = this.resources.get(name);
      if (resource) assign(variable, execute('ReadVariableOp', [attr.type('dtype', 'float32')], [resource]));
    }
  }

  /** Frees the functions and the copies of the state; once a step in flight has ended. The state itself stays. */
  dispose(): void {
    this.disposed = true;
    if (this.running === undefined) this.release();
  }

  /**
   * Tables of which steps work with rows may be most of the memory: while the program's copy leads, there is no other,
   * until `pull`. And TensorFlow writes in place what nobody else holds.
   */
  private letGo(names: readonly string[]): void {
    for (const name of names) {
      const variable = this.state.get(name)?.variable;
      if (variable && !isAbsent(variable)) assign(variable, absentLike(variable));
    }
  }

  private release(): void {
    for (const name of this.functions) backend().binding.removeFunction(name);
    for (const resource of this.resources.values()) {
      executeAll('DestroyResourceOp', [attr.bool('ignore_lookup_error', true)], [resource], 0);
      resource.dispose();
    }
    this.functions.length = 0;
    this.resources.clear();
  }

  private requireIdle(caller: string): void {
    if (this.disposed) throw new Error(`${caller} was called after its program had been disposed of.`);
    if (this.running !== undefined) {
      throw new Error(`${caller} was called while ${this.running} is running; await one step before the next.`);
    }
  }

  private compile<I extends InputSpecs>(
    name: string,
    inputs: I,
    step: Step<I, string>,
  ): StepFunction & { readonly tables: readonly string[] } {
    for (const entry of this.state.all()) if (!this.resources.has(entry.name)) this.pushOne(entry);
    const { nodes, feeds, outputs, tables, lineOf } = compileStep(name, inputs, step, this.state, (entry) =>
      this.handleAttrs(entry),
    );
    // Steps may share a name, which may have characters that TensorFlow does not want in one.
    const functionName = `headshare_${this.id}_${name.replace(/\W/g, '_')}_${this.functions.length}`;
    const results = outputs.map((output) => `output/${output}`);
    backend().binding.addFunction(functionName, encodeGraph(nodes), feeds, results);
    this.functions.push(functionName);
    return { step: name, name: functionName, outputs, lineOf, tables };
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
}
