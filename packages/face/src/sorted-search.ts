/** The index of the first of the ascending values that is at least `value`; their number if all are smaller. */
export function lowerBound(ascending: Int32Array | Float64Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A function from an id to its row among the ascending ids, -1 for others. It uses a table, unless that is large. */
export function rowLookup(ids: Int32Array): (id: number) => number {
  const [low, high] = [ids[0] ?? 0, ids.at(-1) ?? 0];
  if (high - low > 16 * ids.length + 2 ** 20) {
    return (id) => {
      const row = lowerBound(ids, id);
      return ids[row] === id ? row : -1;
    };
  }
  const table = new Int32Array(high - low + 1).fill(-1);
  for (const [row, id] of ids.entries()) table[id - low] = row;
  return (id) => (id >= low && id <= high ? (table[id - low] as number) : -1);
}
