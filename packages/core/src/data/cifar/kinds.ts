/** The files of the two datasets of Krizhevsky (2009, "Learning multiple layers of features from tiny images"). */
export interface CifarKind {
  readonly title: string;
  readonly classes: number;
  /** The first and the last name of a class. */
  readonly ends: readonly [string, string];
  /** Number of superclasses; only CIFAR-100 has them. */
  readonly coarseClasses?: number;
  /** Bytes of labels before the pixels of a binary record; the last byte is the (fine) label. */
  readonly labelBytes: 1 | 2;
  readonly formats: readonly CifarFormat[];
  /** Keys of the labels in the pickles. */
  readonly labelKeys: { readonly fine: string; readonly coarse?: string };
}

export interface CifarFormat {
  readonly name: 'binary' | 'pickle';
  /** The folder in the archive. */
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: string;
  /** Files of class names: text with one name per line, or one pickle. */
  readonly names: { readonly fine: string; readonly coarse?: string };
  /** Keys of the names in the pickle. */
  readonly nameKeys?: { readonly fine: string; readonly coarse?: string };
}

export const cifarPage = 'https://www.cs.toronto.edu/~kriz/cifar.html';

/** Published numbers of images, of both datasets. */
export const cifarImages = { train: 50_000, test: 10_000 } as const;

const five = [1, 2, 3, 4, 5];

export const cifarKinds = {
  cifar10: {
    title: 'CIFAR-10',
    classes: 10,
    ends: ['airplane', 'truck'],
    labelBytes: 1,
    labelKeys: { fine: 'labels' },
    formats: [
      {
        name: 'binary',
        folder: 'cifar-10-batches-bin',
        train: five.map((batch) => `data_batch_${batch}.bin`),
        test: 'test_batch.bin',
        names: { fine: 'batches.meta.txt' },
      },
      {
        name: 'pickle',
        folder: 'cifar-10-batches-py',
        train: five.map((batch) => `data_batch_${batch}`),
        test: 'test_batch',
        names: { fine: 'batches.meta' },
        nameKeys: { fine: 'label_names' },
      },
    ],
  },
  cifar100: {
    title: 'CIFAR-100',
    classes: 100,
    ends: ['apple', 'worm'],
    coarseClasses: 20,
    labelBytes: 2,
    labelKeys: { fine: 'fine_labels', coarse: 'coarse_labels' },
    formats: [
      {
        name: 'binary',
        folder: 'cifar-100-binary',
        train: ['train.bin'],
        test: 'test.bin',
        names: { fine: 'fine_label_names.txt', coarse: 'coarse_label_names.txt' },
      },
      {
        name: 'pickle',
        folder: 'cifar-100-python',
        train: ['train'],
        test: 'test',
        names: { fine: 'meta', coarse: 'meta' },
        nameKeys: { fine: 'fine_label_names', coarse: 'coarse_label_names' },
      },
    ],
  },
} as const satisfies Record<string, CifarKind>;

export type CifarName = keyof typeof cifarKinds;
