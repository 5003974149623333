/** Compiles a step to a graph: the recording of trace.ts, with nodes for inputs, reads and writes of the state, and outputs. */
import { type Attr, attr, DType } from '../binding';
import { contained } from '../contained';
import { assign, type State, type StateVariable } from '../state';
import { type Tensor, tf } from '../tensorflow';
import { forgetActivations } from './forget-activations';
import { filtersFirst, sumsEarly } from './gradient-order';
import type { GraphNode } from './graph-def';
import { normaliseWhereRead } from './normalise-where-read';
import { divide, type Preparation } from './prepared';
import { requireSame } from './purity';
import { rowsInPlace } from './rows-in-place';
import { shareConstants } from './share-constants';
import type { InputSpec, InputSpecs, StepInputs } from './step-inputs';
import { type Found, type Recording, type TraceOptions, trace } from './trace';

/** A step returns float32 tensors by name. */
export type Step<I extends InputSpecs, O extends string> = (inputs: StepInputs<I>) => Readonly<Record<O, Tensor>>;

export interface StepGraph {
  readonly nodes: readonly GraphNode[];
  /** The nodes that take the inputs, in the order of the declared inputs, then the prepared values. */
  readonly feeds: readonly string[];
  readonly outputs: readonly string[];
  /** The names of the variables whose rows it reads or writes in place. */
  readonly tables: readonly string[];
  /** Whether it changes the state. */
  readonly writes: boolean;
  /** Further inputs of the step, which another function computes before it whenever the state has changed. */
  readonly preparation?: Preparation | undefined;
  /** Whether it waits for other processes. */
  readonly collective: boolean;
  /** The shapes of recorded tensors by reference (graph-def.ts); nodes that were added later are not among them. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The user's line behind a node. It records the step once more, because keeping all stacks takes too much memory. */
  lineOf(node: string): string | undefined;
}

export interface CompileOptions extends Pick<TraceOptions, 'kernels'> {
  /** Whether a step that only reads the state may have a part of it prepared. */
  readonly prepare?: boolean;
}

/**
 * The graph of `step`, named `name` in errors. The state's eager values do not change.
 * @param handleAttrs the attributes of the resource that holds a variable's value
 * @throws Error when the step cannot be compiled (see trace.ts), or differs between two recordings
 */
export function compileStep<I extends InputSpecs>(
  name: string,
  inputs: I,
  step: Step<I, string>,
  state: State,
  handleAttrs: (variable: StateVariable) => Attr[],
  { prepare = false, kernels }: CompileOptions = {},
): StepGraph {
  const variables = state.all();
  const first = record(name, inputs, step, variables, { kernels });
  const added = state.all().find((entry) => !variables.includes(entry));
  if (added) throw new Error(`${name} declares the variable ${added.name} in its state; declare it before the step.`);
  nextMillisecond();
  const second = record(name, inputs, step, variables, { kernels, lines: false });
  requireSame(name, where(first), where(second), () => record(name, inputs, step, variables, { kernels }).sites);

  const { outputs } = first.result;
  const access = stateAccess(variables, first, handleAttrs);
  const { reads, tables } = access;
  const nodes = sumsEarly(filtersFirst(access.nodes));
  const collective = nodes.filter(isCollective).map((node) => `^${node.name}`);
  // Where another process is lost midway, the state must keep its old value: a step is done whole or not at all.
  const writes = access.writes.map((node) => ({ ...node, inputs: [...node.inputs, ...collective] }));
  const written = writes.map((node) => `^${node.name}`);
  const feeds = Object.entries(inputs).flatMap(([key, spec]) => inputNodes(key, spec));
  // Outputs wait for the assignments, which nothing else would trigger.
  const results = [...outputs].map(([key, reference]) => ({
    name: `output/${key}`,
    op: 'Identity',
    inputs: [reference, ...written],
    attrs: [attr.type('T', 'float32')],
  }));
  const whole = shareConstants([...feeds, ...reads, ...nodes, ...writes, ...results]);
  const kept = [...feeds, ...results].map((node) => node.name);
  const onlyReads = writes.length === 0 && tables.length === 0 && collective.length === 0;
  const divided =
    prepare && onlyReads
      ? divide({ nodes: whole, kept, floats: first.floats })
      : { nodes: whole, feeds: [], preparation: undefined };
  return {
    ...divided,
    feeds: [...Object.keys(inputs).map((key) => `feed/${key}`), ...divided.feeds],
    outputs: [...outputs.keys()],
    tables,
    writes: writes.length > 0,
    collective: collective.length > 0,
    shapes: access.shapes,
    lineOf(node) {
      const { nodes: recorded, sites } = record(name, inputs, step, variables, { kernels });
      const index = recorded.findIndex((one) => one.name === node);
      return sites[index]?.toString();
    },
  };
}

/** Connects the step's nodes to the state: whole values are read before and assigned after it, rows change in place. */
function stateAccess(
  variables: readonly StateVariable[],
  recording: Recording<Results>,
  handleAttrs: (variable: StateVariable) => Attr[],
): Record<'nodes' | 'reads' | 'writes', readonly GraphNode[]> & Pick<StepGraph, 'tables' | 'shapes'> {
  const { outputs, updates } = recording.result;
  const tables: string[] = [];
  const results = new Set([...outputs.values(), ...updates.values()]);
  const { nodes: recorded, shapes } = normaliseWhereRead({ ...recording, outputs: results });
  let nodes = forgetActivations({ nodes: recorded, shapes, outputs: results });
  const reads: GraphNode[] = [];
  const writes: GraphNode[] = [];
  const gathered = new Set(recorded.flatMap(({ op, inputs }) => (op === 'GatherV2' ? inputs.slice(0, 1) : [])));
  for (const entry of variables) {
    const update = updates.get(entry.name);
    const others = [...updates].filter(([name]) => name !== entry.name).map(([, reference]) => reference);
    const seenElsewhere = new Set([...outputs.values(), ...others]);
    const table = { name: entry.name, read: readOf(entry), handle: handleOf(entry), update };
    const inPlace = gathered.has(table.read) ? rowsInPlace(nodes, seenElsewhere, table) : undefined;
    reads.push({ name: handleOf(entry), op: 'VarHandleOp', inputs: [], attrs: handleAttrs(entry) });
    if (inPlace) {
      nodes = inPlace.nodes;
      tables.push(entry.name);
      if (inPlace.write) writes.push(inPlace.write);
      continue;
    }
    reads.push(readNode(entry));
    if (update !== undefined) writes.push(assignNode(entry, update));
  }
  return { nodes, reads, writes, tables, shapes };
}

interface Results {
  /** The graph's references to the step's outputs, and to the new values of the variables that it assigns. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly updates: ReadonlyMap<string, string>;
}

function record<I extends InputSpecs>(
  name: string,
  inputs: I,
  step: Step<I, string>,
  variables: readonly StateVariable[],
  options: TraceOptions,
): Recording<Results> {
  const before = variables.map(({ variable }) => tf.keep(variable.clone()));
  const given = variables.map((entry) => ({ node: readOf(entry), tensor: entry.variable }));
  const shapes = Object.entries(inputs).map(([key, { dtype, shape }]) => ({
    node: `input/${key}`,
    shape,
    // The graph casts bytes to floats before the step.
    dtype: dtype === 'int32' ? DType.int32 : DType.float32,
  }));
  try {
    const body = (tensors: readonly Tensor[], find: (tensor: Tensor) => Found): Results => {
      const results = step(Object.fromEntries(Object.keys(inputs).map((key, i) => [key, tensors[i]])) as StepInputs<I>);
      return { outputs: outputsOf(name, results, find), updates: updatesOf(variables, find) };
    };
    return contained(() => trace(name, given, shapes, body, options));
  } finally {
    for (const [index, { variable }] of variables.entries()) assign(variable, before[index] as Tensor);
  }
}

function outputsOf(step: string, results: Readonly<Record<string, unknown>>, find: (tensor: Tensor) => Found) {
  const outputs = Object.entries(results).map(([key, tensor]): [string, string] => {
    if (!(tensor instanceof tf.Tensor)) throw new Error(`The output ${key} of ${step} is not a tensor.`);
    const { dtype, reference } = find(tensor);
    if (dtype !== DType.float32) throw new Error(`The output ${key} of ${step} is not float32.`);
    return [key, reference];
  });
  if (outputs.length === 0) throw new Error(`${step} returns nothing; a step needs at least one output.`);
  return new Map(outputs);
}

function updatesOf(variables: readonly StateVariable[], find: (tensor: Tensor) => Found): Map<string, string> {
  return new Map(
    variables.flatMap((entry): [string, string][] => {
      const { reference } = find(entry.variable);
      return reference === readOf(entry) ? [] : [[entry.name, reference]];
    }),
  );
}

function where({ result, ...recording }: Recording<Results>): Recording<ReadonlyMap<string, string>> {
  const { outputs, updates } = result;
  const results = new Map([
    ...[...outputs].map(([key, reference]) => [`the output ${key}`, reference] as const),
    ...[...updates].map(([variable, reference]) => [`the new value of ${variable}`, reference] as const),
  ]);
  return { ...recording, result: results };
}

/** Waits, so that a step that reads the clock gets another time in its second recording. */
function nextMillisecond(): void {
  const now = Date.now();
  while (Date.now() === now);
}

const isCollective = ({ op }: GraphNode): boolean => op.startsWith('Collective');

const readOf = ({ name }: StateVariable): string => `read/${name}`;

function inputNodes(key: string, { dtype, shape }: InputSpec): GraphNode[] {
  const type = attr.type('dtype', dtype);
  const feedNode = { name: `feed/${key}`, op: 'Placeholder', inputs: [], attrs: [type, attr.shape('shape', shape)] };
  const read =
    dtype === 'uint8'
      ? { op: 'Cast', attrs: [attr.type('SrcT', 'uint8'), attr.type('DstT', 'float32')] }
      : { op: 'Identity', attrs: [attr.type('T', dtype)] };
  return [feedNode, { name: `input/${key}`, inputs: [`feed/${key}`], ...read }];
}

const handleOf = ({ name }: StateVariable): string => `handle/${name}`;

const readNode = (entry: StateVariable): GraphNode => ({
  name: readOf(entry),
  op: 'ReadVariableOp',
  inputs: [handleOf(entry)],
  attrs: [attr.type('dtype', 'float32')],
});

/** An assignment waits for its variable's read, so that the whole step sees the old value. */
const assignNode = (entry: StateVariable, reference: string): GraphNode => ({
  name: `assign/${entry.name}`,
  op: 'AssignVariableOp',
  inputs: [handleOf(entry), reference, `^${readOf(entry)}`],
  attrs: [attr.type('dtype', 'float32')],
});
