/** The width of a network, the length of its embedding and the size of its images, found from the shapes in a file. */
import type { BackboneDefinition, BackboneShape } from '../nn/backbone';
import { type ImageSize, imageSize } from '../system/image-size';
import { type ParameterShapes, parameterShapes } from './parameter-shapes';

export type NetworkSizes = BackboneShape;

/** Sizes that are known; the shapes tell the others. */
export type SizeHints = Partial<NetworkSizes>;

type Shape = readonly number[];

/** The shape that a file has for one of the backbone's variables; undefined where it lacks the variable. */
export type ShapeInFile = (name: string) => Shape | undefined;

/** The published sizes, except those that `hints` give. */
export function publishedSizes({ inputSize }: BackboneDefinition, hints: SizeHints): NetworkSizes {
  const { embeddingSize } = hints;
  const size = hints.inputSize ?? inputSize;
  return { inputSize: size, width: hints.width ?? 1, ...(embeddingSize !== undefined && { embeddingSize }) };
}

/** The shapes of a backbone's variables at these sizes. */
export const shapesAt = ({ name }: BackboneDefinition, sizes: NetworkSizes): ParameterShapes =>
  parameterShapes({ backbone: name, ...sizes });

/**
 * The sizes at which the most of a backbone's variables have the shapes in a file. Sizes on which no shape depends are the
 * published ones: a network that pools its last map takes images of any size.
 */
export function sizesFromShapes(inFile: ShapeInFile, definition: BackboneDefinition, hints: SizeHints): NetworkSizes {
  const published = publishedSizes(definition, hints);
  const wrong = (sizes: NetworkSizes) => misfits(inFile, shapesAt(definition, sizes)).length;
  if (wrong(published) === 0) return published;
  const embedded = withEmbedding(inFile, definition, published, hints);
  const images = dependents(definition, embedded, { inputSize: 16 });
  const wide = hints.width === undefined ? withWidth(inFile, definition, embedded, images) : embedded;
  const found = withImages(inFile, definition, wide, hints, images);
  return wrong(found) < wrong(published) ? found : published;
}

/** The names of variables whose shapes are other ones in the file. */
function misfits(inFile: ShapeInFile, { backbone }: ParameterShapes, except?: ReadonlyMap<string, unknown>): string[] {
  const differs = ([name, own]: readonly [string, Shape]) => {
    const file = except?.has(name) ? undefined : inFile(name);
    return file !== undefined && file.join() !== own.join();
  };
  return [...backbone].filter(differs).map(([name]) => name);
}

/** The variables whose shapes depend on a size, each with the first axis that does. */
function dependents(definition: BackboneDefinition, sizes: NetworkSizes, other: SizeHints): Map<string, number> {
  const [own, changed] = [shapesAt(definition, sizes), shapesAt(definition, { ...sizes, ...other })];
  const found = new Map<string, number>();
  for (const [name, shape] of own.backbone) {
    const axis = shape.findIndex((length, i) => length !== changed.backbone.get(name)?.[i]);
    if (axis >= 0) found.set(name, axis);
  }
  return found;
}

function withEmbedding(
  inFile: ShapeInFile,
  definition: BackboneDefinition,
  sizes: NetworkSizes,
  { embeddingSize }: SizeHints,
): NetworkSizes {
  if (embeddingSize !== undefined) return sizes;
  const own = shapesAt(definition, sizes).embeddingSize;
  for (const [name, axis] of dependents(definition, sizes, { embeddingSize: own + 1 })) {
    const length = inFile(name)?.[axis];
    if (length !== undefined && length > 0) return length === own ? sizes : { ...sizes, embeddingSize: length };
  }
  return sizes;
}

// Files may state any shape; wider networks than this have no use.
const widest = 16;
const mostWidths = 80;

/** The width at which the fewest shapes differ. Of equal ones, the roundest: several widths round to the same channels. */
function withWidth(
  inFile: ShapeInFile,
  definition: BackboneDefinition,
  sizes: NetworkSizes,
  images: ReadonlyMap<string, number>,
): NetworkSizes {
  const { backbone } = shapesAt(definition, sizes);
  const ratios = new Map<number, number>();
  for (const [name, own] of backbone) {
    const [channels = 0] = inFile(name) ?? [];
    const ratio = channels / (own[0] ?? 1);
    if (ratio > 0 && ratio <= widest && !images.has(name)) ratios.set(ratio, (ratios.get(ratio) ?? 0) + 1);
  }
  const common = [...ratios].sort(([, a], [, b]) => b - a).map(([ratio]) => ratio);
  const widths = new Set([
    1,
    ...[20, 8, 100].flatMap((parts) => common.map((ratio) => rounded(ratio, parts))),
    ...common,
  ]);
  let best = { width: sizes.width, wrong: Number.POSITIVE_INFINITY };
  for (const width of [...widths].slice(0, mostWidths)) {
    const wrong = misfits(inFile, shapesAt(definition, { ...sizes, width }), images).length;
    if (wrong < best.wrong) best = { width, wrong };
    if (wrong === 0) break;
  }
  return { ...sizes, width: best.width };
}

const rounded = (ratio: number, parts: number) => Math.max(1, Math.round(ratio * parts)) / parts;

/** A size of images at which the last map has the size in the file: the known one, or the smallest whole number of strides. */
function withImages(
  inFile: ShapeInFile,
  definition: BackboneDefinition,
  sizes: NetworkSizes,
  { inputSize }: SizeHints,
  images: ReadonlyMap<string, number>,
): NetworkSizes {
  if (images.size === 0) return sizes;
  // Four strides of 2 lead to the last map, whose height and width a filter over it shows; a linear layer shows its pixels.
  const filters = [...images.keys()].map((name) => inFile(name) ?? []).filter((shape) => shape.length === 4);
  const filtered = filters.map(([, , height = 1, width = 1]) => imageSize({ height: 16 * height, width: 16 * width }));
  const squares = Array.from({ length: 32 }, (_, i) => 16 * (i + 1));
  const candidates: (ImageSize | undefined)[] = [inputSize, definition.inputSize, ...filtered, ...squares, '112x96'];
  const fits = (size: ImageSize) => misfits(inFile, shapesAt(definition, { ...sizes, inputSize: size })).length === 0;
  const size = candidates.find((one) => one !== undefined && fits(one));
  return size === undefined ? sizes : { ...sizes, inputSize: size };
}
