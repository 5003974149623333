/** The index of the first of the ascending values that is not below `value`; their number if there is none. */
export function lowerBound(ascending: Int32Array | Float64Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Maps ids to their rows among ascending ids, unknown ones to -1: by a table, unless gaps would make it large. */
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
