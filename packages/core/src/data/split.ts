import { stream } from '../system/random';
import { UserError } from '../system/user-error';

/** Indices of a data set's images, ascending, in two parts. */
export interface HeldOut {
  readonly kept: Int32Array;
  readonly held: Int32Array;
}

// Not the training's: all runs and seeds hold the same images out, so that their numbers are of the same images.
const seed = 2022;

/**
 * Holds the same share (0 to 1) of every class out: at least one image, and never a class's last one.
 * @throws UserError where no class has two images
 */
export function holdOut(
  { name, labels, classes }: { readonly name: string; readonly labels: Int32Array; readonly classes: number },
  share: number,
): HeldOut {
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (const [index, label] of labels.entries()) byClass[label]?.push(index);
  const isHeld = new Uint8Array(labels.length);
  for (const [label, indices] of byClass.entries()) {
    const count = Math.min(indices.length - 1, Math.max(1, Math.round(indices.length * share)));
    const order = stream(seed, 'hold out', label).shuffle(indices);
    for (const index of order.slice(0, Math.max(0, count))) isHeld[index] = 1;
  }
  const all = Int32Array.from(labels, (_, index) => index);
  const held = all.filter((index) => isHeld[index] === 1);
  if (held.length === 0) {
    throw new UserError(
      `No class of ${name} has two images, of which one could be held out: --select-on=last does without.`,
    );
  }
  return { kept: all.filter((index) => isHeld[index] === 0), held };
}
