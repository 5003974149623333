/** The data sets that `--dataset` reads from files and `imagenet:data` checks: each is a file of the folder `datasets`. */
import { join } from 'node:path';
import type { DataKind } from '@headshare/core/data-check/data-kind';
import { definitionsIn } from '@headshare/core/nn/definitions';

const { all, named } = definitionsIn<DataKind>(join(__dirname, 'datasets'), 'data set');

/** The first that matches a folder counts: a user's own images come last, because any folder may hold them. */
const rank = ({ name, page }: DataKind): number => (page === undefined ? 2 : name === 'imagenet' ? 0 : 1);

const [first, ...others] = [...all].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
if (!first) throw new Error('There are no data sets.');
export const dataKinds = [first, ...others] as const;
export const dataKind = (name: string): DataKind => named(name);
