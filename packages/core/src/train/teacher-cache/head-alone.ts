import { type BuildOptions, type Network, type NetworkDescription, ownVariables } from '../../nn/network';
import { heads } from '../../nn/registry';
import { Scope } from '../../nn/scope';
import type { State } from '../../runtime/state';

/**
 * A network without its backbone: all that a student needs of a teacher whose embeddings are cached. `copyHead` loads its
 * weights. Its variables have the names that they have in the whole network.
 */
export function headAlone(
  state: State,
  root: string,
  description: NetworkDescription,
  embeddingSize: number,
  { classRows = false, held }: BuildOptions = {},
): Network {
  const { classes, scale, margin } = description;
  const scope = Scope.root(state, root, undefined).child('head');
  const head = heads.named(description.head).build(held ? scope.holding(held) : scope, {
    inputs: embeddingSize,
    classes: held?.count ?? classes,
    scale,
    margin,
    classRows,
  });
  const noBackbone = (): never => {
    throw new Error(`${root} has no backbone: its embeddings are read from the teacher cache.`);
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
