import { buildNetwork, type NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { torchShape } from '../nn/torch-layout';
import { State, type StateKind } from '../runtime/state';
import type { Variable } from '../runtime/tensorflow';

/** Takes declarations down without making variables: a large network's would take half a gigabyte. */
class ShapesOnly extends State {
  readonly shapes = new Map<string, readonly number[]>();

  override declare(name: string, _: StateKind, shape: readonly number[]): Variable {
    this.shapes.set(name.slice(name.indexOf('/') + 1), torchShape(shape));
    return { shape: [...shape] } as unknown as Variable;
  }
}

export interface ParameterShapes {
  /** The shapes in PyTorch of the backbone's variables, by their names, in their order. */
  readonly backbone: ReadonlyMap<string, readonly number[]>;
  readonly embeddingSize: number;
}

const known = new Map<string, ParameterShapes>();

/** The variables that a backbone of this description has. */
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
