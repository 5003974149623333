import { buildNetwork, type NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { torchShape } from '../nn/torch-layout';
import { State, type StateKind } from '../runtime/state';
import type { Variable } from '../runtime/tensorflow';

/** Records declarations without making variables, which for a large network would take half a gigabyte. */
class ShapesOnly extends State {
  readonly shapes = new Map<string, readonly number[]>();
  readonly kinds = new Map<string, StateKind>();

  override declare(name: string, kind: StateKind, shape: readonly number[]): Variable {
    const own = name.slice(name.indexOf('/') + 1);
    this.shapes.set(own, torchShape(shape));
    this.kinds.set(own, kind);
    return { shape: [...shape] } as unknown as Variable;
  }
}

export interface ParameterShapes {
  /** The backbone's variables in order: their names, and their shapes in PyTorch. */
  readonly backbone: ReadonlyMap<string, readonly number[]>;
  readonly embeddingSize: number;
}

const known = new Map<string, ParameterShapes>();

/** The variables of this network's backbone, and the size of its embedding. */
export function parameterShapes(description: Omit<NetworkDescription, 'head' | 'classes'>): ParameterShapes {
  const key = JSON.stringify(description);
  const before = known.get(key);
  if (before) return before;
  const state = new ShapesOnly();
  const { embeddingSize } = buildNetwork(state, 'net', { ...description, head: 'linear', classes: 1 }, undefined);
  const backbone = new Map([...state.shapes].filter(([name]) => partOf(name) === 'backbone'));
  const made = { backbone, embeddingSize };
  known.set(key, made);
  return made;
}

/** The number of learned parameters of a network that its predictions need, its own head's included. */
export function deployedParameters(description: NetworkDescription): number {
  const state = new ShapesOnly();
  buildNetwork(state, 'net', description, undefined);
  const isDeployed = (name: string) =>
    state.kinds.get(name) === 'trainable' && !['teacher_space', 'teacher_head'].includes(partOf(name));
  const shapes = [...state.shapes].filter(([name]) => isDeployed(name)).map(([, shape]) => shape);
  return shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** The shapes of all variables of a network, in PyTorch's layout, by our names. */
export function variableShapes(description: NetworkDescription): ReadonlyMap<string, readonly number[]> {
  const state = new ShapesOnly();
  buildNetwork(state, 'net', description, undefined);
  return state.shapes;
}
