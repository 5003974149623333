/** Evaluation outside a training, which all workers of a command share: an imported network's, or a benchmark's. */
import type { StageWorkers } from '../../cluster/stage-workers';
import type { ImageDataset } from '../../data/dataset';
import type { Program } from '../../runtime/program';
import type { Spread } from '../evaluation/shared-outputs';
import { type Course, goOn } from './group';
import { inGroup } from './in-group';

/** How a command's workers share an evaluation. */
export interface SharedEvaluation {
  /** Whether this worker writes the results. */
  readonly isHome: boolean;
  /** How data sets are shared at the moment; undefined: they are not. See `inferenceBy`. */
  spread(): Spread | undefined;
  /**
   * Does work on the images in all workers, and again from the beginning whenever the workers change meanwhile. Where home
   * leaves it out, the others' part in the evaluation ends.
   * @param work may use `ofHome`
   */
  run<T>(images: ImageDataset, work: () => Promise<T>): Promise<T>;
  /** See `Group`. */
  ofHome<T>(value: T): Promise<T>;
}

interface EvaluationPlace {
  /** The program that the networks are evaluated in. */
  readonly program: Program;
  /** See `GroupOptions`. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * Evaluates in all workers of a command: see `inGroup`.
 * @returns undefined in a worker that is not home, where home has done it without this worker
 */
export async function evaluateTogether<T>(
  workers: StageWorkers | undefined,
  { program, name, signal }: EvaluationPlace,
  evaluate: (shared: SharedEvaluation) => Promise<T>,
): Promise<T | undefined> {
  const options = {
    program,
    name,
    signal,
    slices: Number.POSITIVE_INFINITY,
    sums: 'exact',
    isShared: () => false,
    sharesClasses: false,
    needsHome: true,
    isInside: false,
    tracker: { metrics: () => undefined, flush: async () => undefined },
  } as const;
  return inGroup(workers, options, (group) =>
    evaluate({
      isHome: group.isHome,
      spread: group.spread,
      ofHome: group.ofHome,
      run: (images, work) =>
        goOn(signal, async () => {
          // Nothing is trained, so that all are equally far.
          const course: Course = { position: { epoch: 0, batch: 0, step: 0, sums: {} } };
          await group.meet(course);
          const result = await work();
          await group.confirm(images);
          return result;
        }),
    }),
  );
}
