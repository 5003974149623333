/** Places in a list of 68 points (iBUG's order): corners of the eyes, tip of the nose, corners of the mouth. */
const [leftEye, rightEye, nose, mouth] = [[36, 39], [42, 45], 30, [48, 54]] as const;

/**
 * Five points, x and y each: left eye, right eye, nose, corners of the mouth. Of 68 points an eye is the middle between its
 * corners, as in insightface's alignment.
 * @param points of 5 (which are returned as they are) or 68, x and y each
 */
export function fivePoints(points: Float64Array): Float64Array {
  if (points.length !== 136) return points;
  const at = (point: number, axis: number) => points[point * 2 + axis] as number;
  const five = new Float64Array(10);
  for (const axis of [0, 1]) {
    five[axis] = (at(leftEye[0], axis) + at(leftEye[1], axis)) / 2;
    five[2 + axis] = (at(rightEye[0], axis) + at(rightEye[1], axis)) / 2;
    five[4 + axis] = at(nose, axis);
    five[6 + axis] = at(mouth[0], axis);
    five[8 + axis] = at(mouth[1], axis);
  }
  return five;
}
