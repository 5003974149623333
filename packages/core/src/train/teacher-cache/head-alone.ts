import { type BuildOptions, type Network, type NetworkDescription, ownVariables } from '../../nn/network';
import { heads } from '../../nn/registry';
import { Scope } from '../../nn/scope';
import type { State } from '../../runtime/state';

/**
 * A network of which there is only the head: what a student needs of a teacher whose embeddings are read from a file.
 * `copyHead` gives it its weights. Its variables are called as those of the whole network.
 */
export function headAlone(
  state: State,
  root: string,
  description: NetworkDescription,
  embeddingSize: number,
  { classRows = false }: BuildOptions = {},
): Network {
  const { classes, scale, margin } = description;
  const scope = Scope.root(state, root, undefined);
  const head = heads
    .named(description.head)
    .build(scope.child('head'), { inputs: embeddingSize, classes, scale, margin, classRows });
  const noBackbone = (): never => {
    throw new Error(`${root} is a head alone: its backbone's embeddings are read from the teacher's cache.`);
  };
  return {
    ...ownVariables(state, root),
    description,
    root,
    embeddingSize,
    head,
    embed: noBackbone,
    predict: head.logits,
    toTeacherSpace: (embedding) => embedding,
  };
}
