/** The options for several processes that train together: see docs/scale-out.md. */
import { flag, group, integer, number, oneOf, optional, text, type Values } from '../experiment/option';
import { UserError } from '../system/user-error';

const heading = 'Several processes';

/** Which processes share a command's work. */
export const processOptions = group(heading, {
  workers: integer({
    default: 1,
    min: 1,
    max: 256,
    notInKey: true,
    help: 'processes here that share each step, with the same result',
  }),
  join: optional(
    text({
      valid: 'HOST:PORT of the first machine',
      placeholder: 'HOST:PORT',
      notInKey: true,
      help: 'help the machine that runs this with --listen',
    }),
    'alone, or as the cluster says',
  ),
  listen: optional(
    text({
      valid: 'ADDRESS:PORT of this machine',
      placeholder: 'ADDRESS:PORT',
      notInKey: true,
      help: 'where other machines find this one; private networks only',
    }),
    'this machine only',
  ),
  minWorkers: integer({ default: 1, min: 1, notInKey: true, help: 'with fewer workers than this, all wait' }),
  workerPatience: number({
    default: 10,
    above: 0,
    notInKey: true,
    help: 'seconds to wait for workers that do not come',
  }),
  insecureListen: flag({ notInKey: true, help: "--listen even where strangers' connections cannot be refused" }),
});

const { workers, ...places } = processOptions;

/** Those of trainings. */
export const workerOptions = {
  workers,
  ...group(heading, {
    sums: oneOf(['exact', 'float32', 'bfloat16'], 'exact', {
      help: 'how workers add gradients; exact: their number leaves no trace, twice the bytes',
    }),
    shardClasses: flag({ help: 'each worker holds a part of the head; for heads of very many classes' }),
  }),
  ...places,
};

/**
 * @returns whether there are several processes
 * @throws UserError for options that contradict each other
 */
export function checkProcesses({ workers, listen, join }: Partial<Values<typeof processOptions>>): boolean {
  if (listen !== undefined && join !== undefined) {
    throw new UserError('--listen is for the first machine and --join for the others: give one of them');
  }
  return (workers ?? 1) > 1 || listen !== undefined || join !== undefined;
}

/** @throws UserError for numbers of workers that a training's settings do not allow */
export function checkWorkers(values: {
  readonly workers: number;
  readonly minWorkers: number;
  readonly accumulate: number;
  readonly eager: boolean;
  readonly shardClasses: boolean;
  readonly listen?: string | undefined;
  readonly join?: string | undefined;
}): void {
  const { workers, minWorkers, accumulate, eager, shardClasses } = values;
  if (!checkProcesses(values)) return;
  if (eager) {
    throw new UserError(
      '--eager works in one process alone: leave it out, or train without --workers, --listen and --join',
    );
  }
  if (workers > accumulate) {
    throw new UserError(
      `--workers=${workers} needs as many slices of each batch, and --accumulate=${accumulate} cuts it into ${accumulate}: give --accumulate=${workers} or more`,
    );
  }
  if (shardClasses && accumulate % workers !== 0) {
    throw new UserError(
      `with --shard-classes all workers compute as many slices: ${workers} workers cannot share ${accumulate} evenly; give --accumulate=${workers * Math.ceil(accumulate / workers)}`,
    );
  }
  if (minWorkers > accumulate) {
    throw new UserError(`--min-workers=${minWorkers} is more than the ${accumulate} workers that --accumulate allows`);
  }
}
