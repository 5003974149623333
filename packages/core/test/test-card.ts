import type { Card } from 'headshare-student/card';

/** For tests: a card of a small network. */
export const testCard: Card = {
  version: 1,
  madeBy: 'headshare',
  network: { backbone: 'resnet8', head: 'linear', width: 1, embeddingSize: 64, classes: 10, parameters: 78_042 },
  input: {
    name: 'image',
    form: 'bytes',
    height: 32,
    width: 32,
    colours: 'RGB',
    mean: [0.5, 0.5, 0.5],
    deviation: [0.5, 0.5, 0.5],
    preparation: { kind: 'none' },
  },
  outputs: ['embedding'],
  mirror: false,
  teacherSpace: false,
  weights: 'float32',
};
