import type { Tensor4D } from '../../runtime/tensorflow';

/** The shape of a network's map, without the batch. */
export interface MapShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** That of a map [batch, h, w, c]. */
export function mapShape(x: Tensor4D): MapShape {
  const [, height, width, channels] = x.shape;
  return { height, width, channels };
}
