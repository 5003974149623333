import { openCifar } from '../data/cifar/cifar';
import { looksLikeCifar } from '../data/cifar/find-files';
import { type CifarName, cifarKinds } from '../data/cifar/kinds';
import { writeCifarExample } from '../data/example/cifar-files';
import type { DataKind } from './data-kind';

export function cifarKind(name: CifarName): DataKind {
  const { title, page, classes, trainImages, testImages, formats } = cifarKinds[name];
  return {
    name,
    title,
    page,
    layout: formats.map(({ folder, train, test }) => `${folder}/{${[...train, test].join(',')}}`),
    published: { classes, train: trainImages, test: testImages },
    matches: (folder) => looksLikeCifar(folder, cifarKinds[name]),
    open: (folder) => openCifar(folder, { kind: name }),
    example: async (folder) => writeCifarExample(folder, { kind: name, format: 'binary' }),
  };
}
