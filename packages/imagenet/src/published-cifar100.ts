/**
 * Published top-1 on CIFAR-100: RepDistiller's README (Tian et al., arXiv 1910.10699, tables 1 and 2), the last epoch of
 * 240. No public text has numbers of TH-KD or SH-KD for CIFAR-100.
 */
export interface PublishedPair {
  readonly teacher: string;
  readonly student: string;
  /** Shares of 1 by method; `teacher` and `student` are trained alone. */
  readonly top1: Readonly<Partial<Record<'teacher' | 'student' | 'kd' | 'crd' | 'simkd', number>>>;
  /** RepDistiller's initial rate for the student: 0.01 for MobileNet and ShuffleNet, 0.05 for the others. */
  readonly learningRate: number;
}

const pair = (
  teacher: string,
  student: string,
  [ofTeacher, ofStudent, kd, crd]: readonly [number, number, number, number],
  more: Readonly<Record<string, number>> = {},
): PublishedPair => ({
  teacher,
  student,
  top1: Object.fromEntries(
    Object.entries({ teacher: ofTeacher, student: ofStudent, kd, crd, ...more }).map(([name, value]) => [
      name,
      value / 100,
    ]),
  ),
  learningRate: /mobilenet|shufflenet/.test(student) ? 0.01 : 0.05,
});

export const publishedPairs: readonly PublishedPair[] = [
  pair('resnet32x4', 'resnet8x4', [79.42, 72.5, 73.33, 75.51], { simkd: 78.08 }),
  pair('resnet56', 'resnet20', [72.34, 69.06, 70.66, 71.16]),
  pair('resnet110', 'resnet20', [74.31, 69.06, 70.67, 71.46]),
  pair('resnet110', 'resnet32', [74.31, 71.14, 73.08, 73.48]),
  pair('wrn_40_2', 'wrn_16_2', [75.61, 73.26, 74.92, 75.48]),
  pair('wrn_40_2', 'wrn_40_1', [75.61, 71.98, 73.54, 74.14]),
  pair('vgg13', 'vgg8', [74.64, 70.36, 72.98, 73.94]),
  pair('vgg13', 'cifar-mobilenet-v2', [74.64, 64.6, 67.37, 69.73]),
  pair('cifar-resnet50', 'cifar-mobilenet-v2', [79.34, 64.6, 67.35, 69.11]),
  pair('cifar-resnet50', 'vgg8', [79.34, 70.36, 73.81, 74.3]),
  pair('resnet32x4', 'shufflenet-v1', [79.42, 70.5, 74.07, 75.11]),
  pair('resnet32x4', 'shufflenet-v2', [79.42, 71.82, 74.45, 75.65]),
  pair('wrn_40_2', 'shufflenet-v1', [75.61, 70.5, 74.83, 76.05]),
];

export const pairName = ({ teacher, student }: PublishedPair): string => `${teacher}/${student}`;

/**
 * The published top-1 of a network trained with these options, a share of 1; undefined where nothing is published.
 * @param network `teacher`, `student alone`, or the method of a distilled student
 */
export function publishedTop1(network: string, options: Readonly<Record<string, unknown>>): number | undefined {
  if (options.dataset !== 'cifar100' || (options.studentWidth ?? 1) !== 1 || (options.teacherWidth ?? 1) !== 1)
    return undefined;
  // The options of a student alone have no teacher: all pairs with that student give the same number.
  const found = publishedPairs.find(
    ({ teacher, student }) =>
      (network === 'teacher' || student === options.student) &&
      (network === 'student alone' || teacher === options.teacher),
  );
  const name = network === 'student alone' ? 'student' : network;
  return found?.top1[name as keyof typeof found.top1];
}
