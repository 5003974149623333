import type { Sides } from '../../system/image-size';
import type { Box, ImageLocation } from '../sources/image-source';
import { type Choose, clipBox, decodeInto } from './decode';
import { loadNativeImages } from './native';
import { isTemporary, readEncoded } from './read-encoded';
import { sizeOf } from './stored-picture';
import { stretched } from './transforms';

export interface CheckSetup {
  /** Decodes all pixels as training does, and so finds pictures that are cut short; false: the headers alone. */
  readonly whole: boolean;
}

/** What is wrong with a picture. */
export interface Finding {
  /** Its position among the task's pictures. */
  readonly position: number;
  /** Why it cannot be read; absent if it can. */
  readonly problem?: string;
  /** A box that reaches beyond the picture, and the picture's size: training uses the part within. */
  readonly clipped?: { readonly box: Box; readonly picture: Sides };
}

// The pixels do not matter, only whether they can be made.
const side = 8;

/** The job of threads that check pictures with training's own decoder. */
export function createJob({ whole }: CheckSetup): (locations: readonly ImageLocation[]) => Promise<Finding[]> {
  const native = loadNativeImages();
  const target = new Uint8Array(side * side * 3);

  const decode = (bytes: Uint8Array, box: Box | undefined): Promise<void> => {
    const choose: Choose = (width, height) => ({ sampling: stretched([0, 0, width, height], side), mirrored: false });
    return decodeInto(bytes, choose, { size: side, box, native, applyOrientation: false }, target);
  };

  async function check(location: ImageLocation): Promise<Omit<Finding, 'position'> | undefined> {
    const { box, file, offset, bytes } = location;
    const isFile = offset === undefined && !bytes;
    try {
      const encoded = whole || !isFile ? readEncoded(location) : undefined;
      if (whole && encoded) await decode(encoded, box);
      if (whole && !box) return undefined;
      const picture = await sizeOf(encoded ?? file);
      if (!box) return undefined;
      const part = clipBox(box, picture);
      return part.every((value, i) => value === box[i]) ? undefined : { clipped: { box, picture } };
    } catch (error) {
      if (isTemporary(error)) throw error;
      const [problem = 'unknown'] = (error as Error).message.split('\n');
      return { problem };
    }
  }

  return async (locations) => {
    const findings: Finding[] = [];
    for (const [position, location] of locations.entries()) {
      const found = await check(location);
      if (found) findings.push({ position, ...found });
    }
    return findings;
  };
}
