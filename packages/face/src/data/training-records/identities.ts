import { stream } from '@headshare/core/system/random';
import { UserError } from '@headshare/core/system/user-error';

/** Which identities of a data set are trained on. */
export interface IdentitySelection {
  /** How many; default all. */
  readonly identities?: number | undefined;
  /** Only those with so many images; default 1. */
  readonly minImages?: number | undefined;
  /** Draws them; default: the first ones. */
  readonly draw?: number | undefined;
}

/**
 * The labels that are kept, ascending; undefined where all are.
 * @throws UserError where there are fewer than are asked for
 */
export function selectIdentities(
  labels: Int32Array,
  classes: number,
  { identities, minImages = 1, draw }: IdentitySelection,
): Int32Array | undefined {
  if (identities === undefined && minImages <= 1) return undefined;
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  const all = Int32Array.from({ length: classes }, (_, label) => label);
  const eligible = all.filter((label) => (counts[label] as number) >= Math.max(1, minImages));
  const wanted = identities ?? eligible.length;
  if (wanted > eligible.length || wanted === 0) {
    throw new UserError(
      `--identities: ${identities ?? 1} are asked for, and the data set has ${eligible.length} with at least ${minImages} images`,
    );
  }
  if (draw === undefined) return eligible.slice(0, wanted);
  return stream(draw, 'identities').shuffle(eligible).slice(0, wanted).sort();
}

export interface SelectedImages {
  /** Of the images that are kept. */
  readonly indices: Int32Array;
  /** Of each, renumbered: the place of its identity among those kept. */
  readonly labels: Int32Array;
}

export function imagesOf(labels: Int32Array, kept: Int32Array, classes: number): SelectedImages {
  const newLabel = new Int32Array(classes).fill(-1);
  for (const [place, label] of kept.entries()) newLabel[label] = place;
  const indices = new Int32Array(labels.length);
  let count = 0;
  for (const [i, label] of labels.entries()) if ((newLabel[label] as number) >= 0) indices[count++] = i;
  const taken = indices.slice(0, count);
  return { indices: taken, labels: taken.map((i) => newLabel[labels[i] as number] as number) };
}
