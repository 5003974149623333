import { UserError } from '@headshare/core/system/user-error';
import { lowerBound, rowLookup } from '../../sorted-search';
import type { IjbImages } from '../meta/meta-files';

/** Images grouped by template and, within a template, by media. */
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

/** Groups images by IJB's rules: the same media in two templates makes two groups. */
export function groupImages({ templates, medias }: Pick<IjbImages, 'templates' | 'medias'>): ImageGroups {
  const images = templates.length;
  if (medias.length !== images) throw new RangeError(`${images} template ids, but ${medias.length} media ids`);
  // Both ids in one exact integer, which sorts natively; the offset makes the media's part positive.
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
    if (wanted !== lastKey) [last, lastKey] = [lowerBound(distinct, wanted), wanted];
    groupOf[image] = last;
    sizes[last] = (sizes[last] as number) + 1;
  }
  return { templates: ids.slice(0, count), bounds: starts.slice(0, count + 1), sizes, groupOf };
}

/** The rows of the templates that pairs name. @throws UserError for a template without images */
export function templateRows(templates: Int32Array, named: Int32Array): Int32Array {
  const rowOf = rowLookup(templates);
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

function withoutRepeats(ascending: Float64Array): Float64Array {
  let count = 0;
  for (const value of ascending) if (count === 0 || ascending[count - 1] !== value) ascending[count++] = value;
  return ascending.subarray(0, count);
}
