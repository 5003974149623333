/**
 * The cosine of two embeddings, -1 to 1.
 * @throws Error if they differ in length, or if one is zero or not finite
 */
export function similarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`Embeddings of ${a.length} and ${b.length} numbers do not compare`);
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  const cosine = product / Math.sqrt(squaresA * squaresB);
  if (!Number.isFinite(cosine)) throw new Error(noDirection);
  return Math.min(1, Math.max(-1, cosine));
}

/** The embedding scaled to length 1. @throws Error like `similarity` */
export function unit(embedding: ArrayLike<number>): Float32Array {
  let squares = 0;
  for (let i = 0; i < embedding.length; i++) squares += (embedding[i] as number) ** 2;
  const length = Math.sqrt(squares);
  if (!(length > 0 && Number.isFinite(length))) throw new Error(noDirection);
  return Float32Array.from(embedding, (x) => x / length);
}

const noDirection = 'An embedding of zeros, or with numbers that are not finite, has no direction';
