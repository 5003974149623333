import { buildNetwork, type NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { torchShape } from '../nn/torch-layout';
import { State, type StateKind } from '../runtime/state';
import type { Variable } from '../runtime/tensorflow';

/** Records declarations without making variables, which for a large network would take half a gigabyte. */
class ShapesOnly extends State {
  readonly shapes = new Map<string, readonly number[]>();

  override declare(name: string, _: StateKind, shape: readonly number[]): Variable {
    this.shapes.set(name.slice(name.indexOf('/') + 1), torchShape(shape));
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
