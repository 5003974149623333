import { unit } from './similarity';

export interface Match {
  readonly name: string;
  readonly index: number;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
}

/** People to search, each with an embedding of length 1. */
export interface Gallery {
  readonly names: readonly string[];
  /** [people, dimension] by rows. */
  readonly embeddings: Float32Array;
  readonly dimension: number;
}

/**
 * A gallery of embeddings, scaled to length 1.
 * @throws Error if names and embeddings differ in number, embeddings in length, or one has no direction
 */
export function createGallery(names: readonly string[], embeddings: readonly ArrayLike<number>[]): Gallery {
  if (names.length !== embeddings.length) {
    throw new Error(`A gallery of ${names.length} names and ${embeddings.length} embeddings`);
  }
  const dimension = embeddings[0]?.length ?? 0;
  const rows = new Float32Array(embeddings.length * dimension);
  for (const [i, embedding] of embeddings.entries()) {
    if (embedding.length !== dimension) {
      throw new Error(`${names[i]} has an embedding of ${embedding.length} numbers, ${names[0]} of ${dimension}`);
    }
    rows.set(unit(embedding), i * dimension);
  }
  return { names, embeddings: rows, dimension };
}

/**
 * The people most similar to an embedding, best first.
 * @throws Error if the embedding has another length than the gallery's, or no direction
 */
export function searchGallery(gallery: Gallery, embedding: ArrayLike<number>, count = 5): Match[] {
  const { names, embeddings, dimension } = gallery;
  if (embedding.length !== dimension) {
    throw new Error(`The gallery has embeddings of ${dimension} numbers, the picture one of ${embedding.length}`);
  }
  const probe = unit(embedding);
  const matches = names.map((name, index): Match => {
    let sum = 0;
    for (let i = 0; i < dimension; i++) sum += (probe[i] as number) * (embeddings[index * dimension + i] as number);
    return { name, index, similarity: sum };
  });
  // Equal ones stay in the gallery's order.
  return matches.sort((a, b) => b.similarity - a.similarity).slice(0, count);
}
