import { writeIdxExample } from '@headshare/core/data/example/idx-files';
import { type IdxKind, looksLikeIdx, openIdx } from '@headshare/core/data/idx/idx-images';
import type { DataKind } from '@headshare/core/data-check/data-kind';

const page = 'https://github.com/zalandoresearch/fashion-mnist';

const files: IdxKind = {
  name: 'fashion-mnist',
  title: 'Fashion-MNIST',
  classNames: [
    ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'],
    ...['Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  ],
  // As it is, as torchvision keeps it, and in Debian's package.
  places: ['', 'raw', 'FashionMNIST/raw', 'fashion-mnist', 'usr/share/datasets/fashion-mnist'],
  from: `get them from ${page}, or from Debian's package dataset-fashion-mnist`,
};

/** Zalando's articles (Xiao et al., arXiv 1708.07747): grey images of 28 x 28, read as RGB. */
const fashionMnist: DataKind = {
  name: files.name,
  title: files.title,
  page,
  layout: ['{train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, with or without .gz'],
  published: { classes: 10, train: 60_000, test: 10_000 },
  matches: (folder) => looksLikeIdx(folder, files),
  open: async (folder) => openIdx(folder, files),
  example: async (folder) => writeIdxExample(folder),
};

export default fashionMnist;
