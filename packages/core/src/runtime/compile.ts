/** From a step to a graph: what trace.ts records, between the inputs, the reads and assignments of the state, and the outputs. */
import { type Attr, attr, DType } from './binding';
import { contained } from './contained';
import type { GraphNode } from './graph-def';
import { requireSame } from './purity';
import { assign, type State, type StateVariable } from './state';
import type { InputSpec, InputSpecs, StepInputs } from './step-inputs';
import { type Tensor, tf } from './tensorflow';
import { type Found, type Recording, trace } from './trace';

/** A step returns float32 tensors by name. */
export type Step<I extends InputSpecs, O extends string> = (inputs: StepInputs<I>) => Readonly<Record<O, Tensor>>;

export interface StepGraph {
  readonly nodes: readonly GraphNode[];
  /** The nodes that inputs are fed to, in the order of the declared inputs. */
  readonly feeds: readonly string[];
  readonly outputs: readonly string[];
  /** The user's line that a node came from: found by recording the step once more, as stacks are heavy to keep. */
  lineOf(node: string): string | undefined;
}

/**
 * The graph of `step`, named `name` in errors. The state's eager values are left as they are.
 * @param handleAttrs which resource holds a variable's value
 * @throws Error when the step is not one that can be compiled: see trace.ts, and that it does the same each time
 */
export function compileStep<I extends InputSpecs>(
  name: string,
  inputs: I,
  step: Step<I, string>,
  state: State,
  handleAttrs: (variable: StateVariable) => Attr[],
): StepGraph {
  const variables = state.all();
  const first = record(name, inputs, step, variables);
  const added = state.all().find((entry) => !variables.includes(entry));
  if (added) throw new Error(`${name} declares the variable ${added.name} in its state; declare it before the step.`);
  nextMillisecond();
  const second = record(name, inputs, step, variables);
  requireSame(name, where(first), where(second));

  const { outputs, updates } = first.result;
  const assigned = [...updates.keys()].map((variable) => `^assign/${variable}`);
  return {
    feeds: Object.keys(inputs).map((key) => `feed/${key}`),
    outputs: [...outputs.keys()],
    lineOf(node) {
      const { nodes, sites } = record(name, inputs, step, variables);
      const index = nodes.findIndex((one) => one.name === node);
      return sites[index]?.toString();
    },
    nodes: [
      ...Object.entries(inputs).flatMap(([key, spec]) => inputNodes(key, spec)),
      ...variables.flatMap((entry) => readNodes(entry, handleAttrs(entry))),
      ...first.nodes,
      // An assignment waits for its variable's read: within the step, everyone sees the value from before.
      ...[...updates].map(([variable, reference]) => ({
        name: `assign/${variable}`,
        op: 'AssignVariableOp',
        inputs: [`handle/${variable}`, reference, `^read/${variable}`],
        attrs: [attr.type('dtype', 'float32')],
      })),
      // Outputs wait for the assignments, which nothing else would make run.
      ...[...outputs].map(([key, reference]) => ({
        name: `output/${key}`,
        op: 'Identity',
        inputs: [reference, ...assigned],
        attrs: [attr.type('T', 'float32')],
      })),
    ],
  };
}

interface Results {
  /** The graph's references to what the step returns, and to the new values of the variables that it assigns. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly updates: ReadonlyMap<string, string>;
}

function record<I extends InputSpecs>(
  name: string,
  inputs: I,
  step: Step<I, string>,
  variables: readonly StateVariable[],
): Recording<Results> {
  const before = variables.map(({ variable }) => tf.keep(variable.clone()));
  const given = variables.map((entry) => ({ node: readOf(entry), tensor: entry.variable }));
  const shapes = Object.entries(inputs).map(([key, { dtype, shape }]) => ({
    node: `input/${key}`,
    shape,
    // Bytes have become floats by then.
    dtype: dtype === 'int32' ? DType.int32 : DType.float32,
  }));
  try {
    return contained(() =>
      trace(name, given, shapes, (tensors, find) => {
        const results = step(
          Object.fromEntries(Object.keys(inputs).map((key, i) => [key, tensors[i]])) as StepInputs<I>,
        );
        return { outputs: outputsOf(name, results, find), updates: updatesOf(variables, find) };
      }),
    );
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

/** So that a step which asks for the time is given another one when it is recorded again. */
function nextMillisecond(): void {
  const now = Date.now();
  while (Date.now() === now);
}

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

function readNodes(entry: StateVariable, handleAttrs: Attr[]): GraphNode[] {
  const handle = `handle/${entry.name}`;
  return [
    { name: handle, op: 'VarHandleOp', inputs: [], attrs: handleAttrs },
    { name: readOf(entry), op: 'ReadVariableOp', inputs: [handle], attrs: [attr.type('dtype', 'float32')] },
  ];
}
