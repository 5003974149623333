/** Images a class has in a split of a procedural data set: label of image i is i % classes. */
export function interleavedLabels(classes: number, imagesPerClass: number): Int32Array {
  return Int32Array.from({ length: classes * imagesPerClass }, (_, i) => i % classes);
}
