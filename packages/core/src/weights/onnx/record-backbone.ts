import type { BackboneDefinition, BackboneShape } from '../../nn/backbone';
import { Scope } from '../../nn/scope';
import { DType } from '../../runtime/binding';
import type { GraphNode } from '../../runtime/compile/graph-def';
import { trace } from '../../runtime/compile/trace';
import { contained } from '../../runtime/contained';
import { State, type StateKind } from '../../runtime/state';
import type { Tensor, Tensor4D, Variable } from '../../runtime/tensorflow';
import { sides } from '../../system/image-size';

/** What a backbone computes in evaluation, as TensorFlow's operations. */
export interface RecordedBackbone {
  readonly nodes: readonly GraphNode[];
  /** By the graph's references: nodes, and `images` and the variables' names. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The reference to the embedding. */
  readonly embedding: string;
}

/** The reference to the normalised images [batch, height, width, 3] in a recorded backbone. */
export const imagesName = 'images';

/** The number of images in a recording. */
export const recordedBatch = 2;

/** Collects the shapes of variables, or hands out tensors that stand for them. */
class Declarations extends State {
  constructor(private readonly given: (name: string, shape: readonly number[]) => Tensor | undefined) {
    super();
  }

  override declare(name: string, _: StateKind, shape: readonly number[]): Variable {
    return (this.given(name, shape) ?? { shape: [...shape] }) as Variable;
  }
}

/**
 * Records a backbone without making its variables: they are inputs of the recording, called as in PyTorch. Kernels of this
 * package are left out, so that every machine records the same operations.
 */
export function recordBackbone(definition: BackboneDefinition, shape: BackboneShape): RecordedBackbone {
  const build = (state: State) => definition.build(Scope.root(state, '', undefined), shape);
  const declared: { readonly node: string; readonly shape: readonly number[]; readonly dtype: number }[] = [];
  build(
    new Declarations((name, own) => {
      declared.push({ node: name.slice(1), shape: own, dtype: DType.float32 });
      return undefined;
    }),
  );
  const { height, width } = sides(shape.inputSize);
  const images = { node: imagesName, shape: [recordedBatch, height, width, 3], dtype: DType.float32 };
  const { nodes, shapes, result } = contained(() =>
    trace(
      'the backbone',
      [],
      [images, ...declared],
      ([input, ...variables], find) => {
        const byName = new Map(declared.map(({ node }, i) => [node, variables[i]]));
        const backbone = build(new Declarations((name) => byName.get(name.slice(1))));
        return find(backbone.apply(input as Tensor4D, 'eval').embedding).reference;
      },
      { kernels: 'none' },
    ),
  );
  return { nodes, shapes, embedding: result };
}
