import { referencePoints, similarity } from './alignment';
import type { Card } from './card';
import { type Picture, type PictureSource, toPicture } from './picture';
import { warp } from './warp';

export interface Point {
  /** In pixels; whole numbers are the centres of pixels. */
  readonly x: number;
  readonly y: number;
}

/** The points of a face as seen in the picture: the left eye is the one on the picture's left. */
export interface FacePoints {
  readonly leftEye: Point;
  readonly rightEye: Point;
  readonly nose: Point;
  readonly leftMouth: Point;
  readonly rightMouth: Point;
}

/**
 * The crop of a face that verification networks expect, aligned by five points as insightface does (norm_crop), with
 * the bytes of OpenCV 4's warpAffine; black outside the picture.
 * @throws Error if the points have no direction: all the same, on the wrong sides, or not finite
 */
export function alignFace(source: PictureSource, points: FacePoints, { input }: Pick<Card, 'input'>): Picture {
  const { leftEye, rightEye, nose, leftMouth, rightMouth } = points;
  const flat = [leftEye, rightEye, nose, leftMouth, rightMouth].flatMap(({ x, y }) => [x, y]);
  const { height, width } = input;
  const matrix = similarity(flat, referencePoints(input));
  if (!matrix) throw new Error('The five points of the face do not give a position: are some the same?');
  const pixels = new Uint8Array(height * width * 3);
  warp(toPicture(source), matrix, input, pixels);
  return { pixels, width, height };
}
