import { stream } from '@headshare/core/system/random';
import { UserError } from '@headshare/core/system/user-error';

/** Which identities of a data set are used for training. */
export interface IdentitySelection {
  /** How many; default all. */
  readonly identities?: number | undefined;
  /** Only those with at least so many images; default 1. */
  readonly minImages?: number | undefined;
  /** The seed of a random selection; default: the first ones. */
  readonly draw?: number | undefined;
}

export interface SelectedImages {
  /** The selected identities, ascending. */
  readonly identities: Int32Array;
  /** Indices of their images. */
  readonly indices: Int32Array;
  /** The label of each of these images: the index of its identity among the selected ones. */
  readonly labels: Int32Array;
}

/** A sentence about a selection, if some identities are left out. @param classes the number of all identities */
export function selectionNote(selected: SelectedImages | undefined, classes: number): readonly string[] {
  if (!selected || selected.identities.length === classes) return [];
  return [`${selected.identities.length} of the ${classes} identities are trained on (--identities, --min-images).`];
}

/**
 * @param all the label of each image
 * @returns undefined if all identities are selected
 * @throws UserError if there are too few
 */
export function selectIdentities(
  all: Int32Array,
  classes: number,
  { identities, minImages = 1, draw }: IdentitySelection,
): SelectedImages | undefined {
  if (identities === undefined && minImages <= 1) return undefined;
  const counts = new Int32Array(classes);
  for (const label of all) counts[label] = (counts[label] as number) + 1;
  const eligible = Int32Array.from({ length: classes }, (_, label) => label).filter(
    (label) => (counts[label] as number) >= Math.max(1, minImages),
  );
  const wanted = identities ?? eligible.length;
  if (wanted > eligible.length || wanted === 0) {
    throw new UserError(
      identities === undefined
        ? `--min-images=${minImages}: no identity of the data set has so many images`
        : `--identities=${identities}: the data set has only ${eligible.length} identities with at least ${minImages} images`,
    );
  }
  const selected = draw === undefined ? eligible : stream(draw, 'identities').shuffle(eligible);
  const kept = selected.slice(0, wanted).sort();
  const newLabel = new Int32Array(classes).fill(-1);
  for (const [index, label] of kept.entries()) newLabel[label] = index;
  const indices = Int32Array.from(all.keys()).filter((i) => (newLabel[all[i] as number] as number) >= 0);
  return { identities: kept, indices, labels: indices.map((i) => newLabel[all[i] as number] as number) };
}
