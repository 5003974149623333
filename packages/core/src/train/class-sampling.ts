/**
 * Partial FC (An et al., arXiv 2010.05222 and 2203.15565): in a step only some classes take part, those of the batch and
 * others at random, and softmax is over them alone. Which they are is drawn here, beside the step: its cost grows with
 * the classes drawn, not with all that there are, of which drawing inside the step would make random numbers and sort them.
 */
import { stream } from '../system/random';
import { UserError } from '../system/user-error';

export interface DrawnClasses {
  /** Which classes take part, each once: those of the batch first. */
  readonly classes: Int32Array;
  /** The batch's labels as places in `classes`. */
  readonly targets: Int32Array;
}

export interface ClassSampler {
  /** How many classes take part in every step. */
  readonly count: number;
  /** The same for a batch and step, whatever was drawn before. */
  draw(labels: Int32Array, step: number): DrawnClasses;
}

/**
 * Samples `share` of all classes, and at least as many as a batch may have.
 * @param share in (0, 1)
 */
export function classSampler(options: {
  readonly classes: number;
  readonly share: number;
  readonly batchSize: number;
  readonly seed: number;
}): ClassSampler {
  const { classes: all, share, batchSize, seed } = options;
  const count = Math.max(Math.floor(share * all), Math.min(batchSize, all));
  // A class's place among the drawn ones, from 1; 0: it is not drawn. Between steps all are 0.
  const places = new Int32Array(all);
  return {
    count,
    draw(labels, step) {
      const classes = new Int32Array(count);
      let drawn = 0;
      const add = (label: number): void => {
        if (places[label] !== 0) return;
        classes[drawn++] = label;
        places[label] = drawn;
      };
      for (const label of labels) add(label);
      const targets = labels.map((label) => (places[label] ?? 0) - 1);
      const random = stream(seed, 'classes', step);
      // What is drawn again is left out: every set of other classes is as likely as another.
      while (drawn < count) add(random.below(all));
      for (const label of classes) places[label] = 0;
      return { classes, targets };
    },
  };
}

/** @throws UserError for settings that sampling classes does not go together with */
export function checkClassShare(options: {
  readonly classShare: number;
  readonly accumulate: number;
  readonly emaDecay: number;
}): void {
  const { classShare, accumulate, emaDecay } = options;
  if (classShare === 1) return;
  if (accumulate > 1) {
    throw new UserError(
      `--class-share ${classShare} does not go with --accumulate ${accumulate}: each micro-batch would have other classes, whose gradients cannot be gathered in one sum; leave one of them out.`,
    );
  }
  if (emaDecay > 0) {
    throw new UserError(
      `--class-share ${classShare} does not go with --ema-decay ${emaDecay}: the average would go over the weights of all classes in each step; leave one of them out.`,
    );
  }
}
