/**
 * Partial FC (An et al., arXiv 2010.05222 and 2203.15565): a step computes its softmax over a sample of the classes, those
 * of the batch and random others. The sample is drawn on the host, at a cost that grows with the sample; inside the step
 * it would take a random number for every class, and a sort.
 */
import type { SampledHead } from '../nn/head';
import type { Network } from '../nn/network';
import type { Tensor1D } from '../runtime/tensorflow';
import { stream } from '../system/random';
import { UserError } from '../system/user-error';
import type { SampledRows } from './optimiser/optimiser';

/** The heads over a step's sample of classes. */
export interface SampledHeads {
  readonly student: SampledHead;
  readonly teacher?: SampledHead;
  /** The rows of the student's head that the optimiser moves; none where the head is frozen. */
  readonly learned: readonly SampledRows[];
}

export interface SampledClasses {
  /** The sampled classes, each once, those of the batch first. */
  readonly classes: Int32Array;
  /** For each label of the batch, its index in `classes`. */
  readonly columns: Int32Array;
}

export interface ClassSampler {
  /** How many classes take part in every step. */
  readonly count: number;
  /** Depends on the seed, the batch and the step alone. */
  draw(labels: Int32Array, step: number): SampledClasses;
}

export interface PartialFc extends ClassSampler {
  /** The name of the variable whose sampled rows learn; undefined: the student's head is frozen. */
  readonly learns: string | undefined;
  /** @param sample int32 [count], as drawn */
  heads(sample: Tensor1D): SampledHeads;
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
  // A sampled class's position in the sample, from 1; all 0 between steps.
  const positions = new Int32Array(all);
  return {
    count,
    draw(labels, step) {
      const classes = new Int32Array(count);
      let drawn = 0;
      const add = (label: number): void => {
        if (positions[label] !== 0) return;
        classes[drawn++] = label;
        positions[label] = drawn;
      };
      for (const label of labels) add(label);
      const columns = labels.map((label) => (positions[label] ?? 0) - 1);
      const random = stream(seed, 'classes', step);
      // `add` ignores repeated draws, so that every set of other classes is equally likely.
      while (drawn < count) add(random.below(all));
      for (const label of classes) positions[label] = 0;
      return { classes, columns };
    },
  };
}

/**
 * The heads of student and teacher over the same sample of classes.
 * @param frozen whether the student's head does not learn
 * @throws UserError for a head that learns more than one vector a class
 */
export function sampledHeads(
  student: Network,
  teacher: Network | undefined,
  frozen: boolean,
): Pick<PartialFc, 'learns' | 'heads'> {
  const name = `${student.root}/head.weight`;
  if (!frozen && student.variables().some((entry) => entry.name === `${student.root}/head.bias`)) {
    throw new UserError(
      `--class-share needs a head with one vector a class and no bias, such as arcface, cosface or linear-no-bias; ${student.description.head} has a bias.`,
    );
  }
  return {
    learns: frozen ? undefined : name,
    heads(sample) {
      const own = sampledHead(student, sample);
      return {
        student: own,
        ...(teacher && { teacher: sampledHead(teacher, sample) }),
        learned: frozen ? [] : [{ name, indices: sample, rows: own.rows }],
      };
    },
  };
}

function sampledHead({ head, description }: Network, sample: Tensor1D): SampledHead {
  const sampled = head.sampled?.(sample);
  if (!sampled) throw new UserError(`--class-share does not work with the head ${description.head}.`);
  return sampled;
}

/** @throws UserError for settings that Partial FC does not work with */
export function checkClassShare(options: { readonly classShare: number; readonly emaDecay: number }): void {
  const { classShare, emaDecay } = options;
  if (classShare === 1) return;
  if (emaDecay > 0) {
    throw new UserError(
      `--class-share ${classShare} does not work with --ema-decay ${emaDecay}: the average would touch the weights of all classes in each step; leave one of the two out.`,
    );
  }
}
