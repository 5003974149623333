/** Images that cannot be read: the options, what a run remembers of them, and its report. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeUnreadable,
  type UnreadableCount,
  type UnreadableImage,
  type UnreadableImages,
} from '../data/unreadable';
import { defaultUnreadableShare } from '../data/unreadable-images';
import type { RunContext } from '../experiment/define';
import { number, oneOf } from '../experiment/option';
import { writeAtomically } from '../system/write-atomically';
import type { Metrics } from '../train/evaluation/metrics';
import type { Task } from '../train/evaluation/task';

/** The options for images in files. */
export const unreadableOptions = {
  unreadable: oneOf(['fail', 'skip'], 'fail', {
    help: 'unreadable test and held-out images: an error, or left out',
  }),
  unreadableShare: number({
    default: defaultUnreadableShare,
    min: 0,
    max: 1,
    help: 'share of training images that others may replace',
  }),
};

/** The file in a stage's folder with all unreadable images that it met, by data set. */
export const unreadableFile = 'unreadable.json';

/** The number of images of each use that the terminal names. */
const mostNamed = 5;

/**
 * Tells the data sets of a task what an earlier process of this run found, writes what is found from now on into the run's
 * folder, and logs the first few images.
 */
export function followUnreadable({ folder, log }: Pick<RunContext<unknown>, 'folder' | 'log'>, task: Task): void {
  const sets = setsOf(task);
  if (sets.size === 0) return;
  const file = join(folder, unreadableFile);
  const known = readKnown(file);
  const named = new Map<string, number>();
  for (const [name, images] of sets) {
    images.restore(known[name] ?? []);
    images.follow(({ place, reason }, use) => {
      const count = (named.get(use) ?? 0) + 1;
      named.set(use, count);
      const then = use === 'training' ? 'another image of its class replaces it' : 'it is left out';
      if (count <= mostNamed) log(`${name}: ${place} cannot be read (${reason}); ${then}`);
      if (count === mostNamed) log(`${name}: further unreadable images are counted and listed in ${unreadableFile}`);
      const lists = [...sets].map(([of, { list }]) => [of, list()] as const).filter(([, list]) => list.length > 0);
      writeAtomically(file, [`${JSON.stringify(Object.fromEntries(lists), null, 1)}\n`]);
    });
  }
}

/** The data sets of a task by name, each once: held-out images are part of those of training. */
function setsOf({ train, reads = [] }: Task): ReadonlyMap<string, UnreadableImages> {
  const all = [train, ...reads.map(({ images }) => images)];
  const sets = new Map<string, UnreadableImages>();
  for (const { unreadableImages: images } of all) if (images) sets.set(images.name, images);
  return sets;
}

function readKnown(file: string): Readonly<Record<string, readonly UnreadableImage[]>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // Without the file, or with a damaged one, the images are found again.
    return {};
  }
}

/** What a finished stage reports on unreadable images; empty if it met none. */
export function unreadableReport(task: Task) {
  const images = [...setsOf(task).values()].flatMap((images) => images.counts());
  const counts = [...images, ...(task.lost ?? [])];
  if (counts.length === 0) return { metrics: {}, files: [], note: '' };
  const metrics: Metrics = Object.fromEntries(
    counts.map(({ use, count }) => [`unreadable/${use.replace('-', '_')}`, count]),
  );
  return {
    unreadable: counts,
    metrics,
    files: images.length > 0 ? [unreadableFile] : [],
    note: notesOn(counts)
      .map((line) => `; ${line}`)
      .join(''),
  };
}

export const notesOn = (counts: readonly UnreadableCount[]): readonly string[] => counts.map(describeUnreadable);
