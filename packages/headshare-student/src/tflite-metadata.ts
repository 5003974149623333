/**
 * The metadata of a .tflite file (Model.metadata and Model.buffers, fields 6 and 4 of LiteRT's schema.fbs), which LiteRT.js does
 * not show.
 * @throws Error if the bytes are no .tflite file, or are cut short
 */
export function tfliteMetadata(bytes: Uint8Array): Map<string, string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (start: number, length: number) => {
    if (start + length > bytes.length) throw damaged();
    return new TextDecoder().decode(bytes.subarray(start, start + length));
  };
  try {
    if (text(4, 4) !== 'TFL3') throw damaged();
    const model = target(view, 0);
    const buffers = elements(view, model, 4);
    const entries = elements(view, model, 6).map((entry): [string, string] => {
      const name = field(view, entry, 0);
      const index = field(view, entry, 1);
      const buffer = buffers[index === undefined ? 0 : view.getUint32(index, true)];
      const data = buffer === undefined ? undefined : field(view, buffer, 0);
      return [
        name === undefined ? '' : vectorText(view, target(view, name), text),
        data === undefined ? '' : vectorText(view, target(view, data), text),
      ];
    });
    return new Map(entries);
  } catch (error) {
    // What DataView throws for a place behind the end.
    throw error instanceof RangeError ? damaged() : error;
  }
}

/** Where the offset at `at` points to. */
const target = (view: DataView, at: number): number => at + view.getUint32(at, true);

/** Where a field of a table is; undefined for one that is left out. */
function field(view: DataView, table: number, slot: number): number | undefined {
  const layout = table - view.getInt32(table, true);
  const place = 4 + 2 * slot;
  const offset = place < view.getUint16(layout, true) ? view.getUint16(layout + place, true) : 0;
  return offset === 0 ? undefined : table + offset;
}

/** The tables of a vector of tables. */
function elements(view: DataView, table: number, slot: number): number[] {
  const at = field(view, table, slot);
  if (at === undefined) return [];
  const vector = target(view, at);
  const count = view.getUint32(vector, true);
  if (vector + 4 + 4 * count > view.byteLength) throw damaged();
  return Array.from({ length: count }, (_, i) => target(view, vector + 4 + 4 * i));
}

const vectorText = (view: DataView, vector: number, text: (start: number, length: number) => string): string =>
  text(vector + 4, view.getUint32(vector, true));

const damaged = () => new Error('This is no .tflite file, or it is cut short');
