import { type ImageSize, parseImageSize, sides } from '../system/image-size';
import { UserError } from '../system/user-error';
import type { Option } from './option';

interface SizeSpec {
  /** Left out: the option is required. */
  readonly default?: ImageSize;
  /** Bounds of each side. */
  readonly min: number;
  readonly max: number;
  /** A few words for its line in `--help`. */
  readonly help: string;
}

/** The size of images in pixels: `112` for a square, else height and width as `112x96`. */
export function size({ default: fallback, min, max, help }: SizeSpec): Option<ImageSize> {
  const valid = `a whole number from ${min} to ${max}, or two as height x width: 112x96`;
  const check = (value: unknown, name: string): ImageSize => {
    const found = parseImageSize(String(value));
    if (found !== undefined && Object.values(sides(found)).every((side) => side >= min && side <= max)) return found;
    throw new UserError(`${name} must be ${valid}, got ${value === '' ? 'nothing' : value}`);
  };
  return {
    kind: 'size',
    help,
    default: fallback,
    required: fallback === undefined,
    valid,
    range: `${min} to ${max}`,
    parse: check,
    check,
  };
}
