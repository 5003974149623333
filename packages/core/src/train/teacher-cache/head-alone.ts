import type { BuildOptions, Network, NetworkDescription } from '../../nn/network';
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
  const prefix = `${root}/`;
  const variables = () => state.all().filter(({ name }) => name.startsWith(prefix));
  const noBackbone = (): never => {
    throw new Error(`${root} is a head alone: its backbone's embeddings are read from the teacher's cache.`);
  };
  return {
    description,
    root,
    embeddingSize,
    head,
    embed: noBackbone,
    predict: head.logits,
    toTeacherSpace: (embedding) => embedding,
    variables,
    weights(wanted = () => true) {
      const values = state.values(({ name }) => name.startsWith(prefix) && wanted(name.slice(prefix.length)));
      return new Map([...values].map(([name, value]) => [name.slice(prefix.length), value]));
    },
    load(weights, source) {
      const own = new Map([...weights].map(([name, value]) => [prefix + name, value]));
      state.load(own, source, ({ name }) => name.startsWith(prefix), prefix);
    },
  };
}
