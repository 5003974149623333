import type { SampledHead } from '../nn/head';
import type { Network } from '../nn/network';
import type { Tensor1D } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';
import type { SampledRows } from './optimiser';

/** The heads of a step over the classes that take part in it. */
export interface SampledHeads {
  readonly student: SampledHead;
  readonly teacher?: SampledHead;
  /** Of the student's weights: what the optimiser moves instead of the whole head; none of a head that is frozen. */
  readonly learned: readonly SampledRows[];
}

/**
 * How a step gets at the heads of its classes, the teacher's being the same classes.
 * @param frozen the student's head does not learn
 * @throws UserError where it learns, but has more than rows to
 */
export function headSampling(
  student: Network,
  teacher: Network | undefined,
  frozen: boolean,
): (sample: Tensor1D) => SampledHeads {
  const name = `${student.root}/head.weight`;
  if (!frozen && student.variables().some((entry) => entry.name === `${student.root}/head.bias`)) {
    throw new UserError(
      `--class-share works with heads that have a vector a class and nothing else, such as arcface, cosface and linear-no-bias; ${student.description.head} has a bias too.`,
    );
  }
  return (sample) => {
    const own = sampledHead(student, sample);
    return {
      student: own,
      ...(teacher && { teacher: sampledHead(teacher, sample) }),
      learned: frozen ? [] : [{ name, indices: sample, rows: own.rows }],
    };
  };
}

function sampledHead({ head, description }: Network, sample: Tensor1D): SampledHead {
  const sampled = head.sampled?.(sample);
  if (!sampled) throw new UserError(`--class-share does not work with the head ${description.head}.`);
  return sampled;
}
