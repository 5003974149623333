import { UserError } from '@headshare/core/system/user-error';
import type { IjbImages } from './protocol';

/** Images by template and, inside a template, by media. */
export interface ImageGroups {
  /** Ids of the templates that have images, ascending: row r of template features is template `templates[r]`. */
  readonly templates: Int32Array;
  /** Groups of template row r: `bounds[r]` to `bounds[r + 1]` - 1, by ascending id of their media. */
  readonly bounds: Int32Array;
  /** Images of each group. */
  readonly sizes: Int32Array;
  /** The group of each image. */
  readonly groupOf: Int32Array;
}

/** Groups images as IJB's rules do: the same media in two templates makes two groups. */
export function groupImages({ templates, medias }: Pick<IjbImages, 'templates' | 'medias'>): ImageGroups {
  const images = templates.length;
  if (medias.length !== images) throw new RangeError(`${images} template ids, but ${medias.length} media ids`);
  // One number for both ids, which sorts natively; medias from 0 so that it stays an exact integer.
  const key = (image: number) => (templates[image] as number) * 2 ** 32 + ((medias[image] as number) + 2 ** 31);
  const keys = new Float64Array(images);
  for (let image = 0; image < images; image++) keys[image] = key(image);
  const distinct = withoutRepeats(keys.sort());

  const ids = new Int32Array(distinct.length);
  const starts = new Int32Array(distinct.length + 1);
  let count = 0;
  for (let group = 0; group < distinct.length; group++) {
    const template = Math.floor((distinct[group] as number) / 2 ** 32);
    if (count > 0 && ids[count - 1] === template) continue;
    ids[count] = template;
    starts[count++] = group;
  }
  starts[count] = distinct.length;

  const groupOf = new Int32Array(images);
  const sizes = new Int32Array(distinct.length);
  let [last, lastKey] = [0, Number.NaN];
  for (let image = 0; image < images; image++) {
    const wanted = key(image);
    if (wanted !== lastKey) [last, lastKey] = [indexOf(distinct, wanted), wanted];
    groupOf[image] = last;
    sizes[last] = (sizes[last] as number) + 1;
  }
  return { templates: ids.slice(0, count), bounds: starts.slice(0, count + 1), sizes, groupOf };
}

/**
 * The rows of the templates that pairs name.
 * @throws UserError for a template without images
 */
export function templateRows(templates: Int32Array, named: Int32Array): Int32Array {
  const rowOf = lookUp(templates);
  return named.map((template, pair) => {
    const row = rowOf(template);
    if (row < 0) {
      throw new UserError(
        `Pair ${pair} (line ${pair + 1} of the list of pairs) names template ${template}, which has no images.`,
      );
    }
    return row;
  });
}

/** Ids to rows, -1 for an unknown one: by a table unless the ids lie so far apart that it would be mostly empty. */
function lookUp(ids: Int32Array): (id: number) => number {
  const [low, high] = [ids[0] ?? 0, ids.at(-1) ?? 0];
  if (high - low >= 2 ** 26) return (id) => (ids[indexOf(ids, id)] === id ? indexOf(ids, id) : -1);
  const table = new Int32Array(high - low + 1).fill(-1);
  for (const [row, id] of ids.entries()) table[id - low] = row;
  return (id) => (id >= low && id <= high ? (table[id - low] as number) : -1);
}

/** Where the value lies, or would, in ascending values. */
function indexOf(ascending: Int32Array | Float64Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function withoutRepeats(ascending: Float64Array): Float64Array {
  let count = 0;
  for (const value of ascending) if (count === 0 || ascending[count - 1] !== value) ascending[count++] = value;
  return ascending.subarray(0, count);
}
