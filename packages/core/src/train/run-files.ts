/** What a training writes and resumes from, by phase; with several workers home alone writes. */
import { join } from 'node:path';
import type { Network } from '../nn/network';
import type { Program } from '../runtime/program';
import type { StateVariable } from '../runtime/state';
import { type GivenValues, piecesOf } from '../runtime/stored-values';
import type { Progress } from '../system/progress';
import { UserError } from '../system/user-error';
import { firstUnsound } from '../weights/sound-values';
import type { Training } from './build';
import { type Checkpoint, checkpointFiles, type NetworkMetadata, writeCheckpoint } from './checkpoint';
import type { Metrics } from './evaluation/metrics';
import type { WriteFiles } from './evaluation/task';
import { type Position, readResumePoint, saveResumePoint } from './resume-point';
import type { NetworkTraining, TrainingSettings } from './settings';
import type { TrainingStep } from './step';
import type { Group } from './workers/group';

/** Training proper, or the phase that some methods have before it. */
export interface Phase {
  /** Prefixes metrics and names the checkpoint; absent for training proper. */
  readonly name?: 'pretraining';
  readonly settings: TrainingSettings;
  readonly step: TrainingStep;
  /** The network whose weights are the result: the trained one, or its moving average. */
  readonly network: Network;
  /** Whether a variable belongs in the checkpoint: weights, momenta, averages; not a frozen teacher. */
  readonly isTrained: (entry: StateVariable) => boolean;
  /** Absent: nothing is evaluated, and no network is saved. */
  readonly evaluate?: () => Promise<Metrics>;
  /** See `Task`. */
  readonly finish?: () => Promise<WriteFiles>;
}

/** What a phase's training works with. */
export interface Job {
  readonly program: Program;
  readonly options: NetworkTraining;
  readonly training: Training;
  readonly phase: Phase;
  readonly group: Group;
  readonly label: string;
  readonly progress: Progress;
}

export interface RunToSave extends Job {
  /** When the last checkpoint was written, by performance.now(). */
  saved: number;
}

export function diverged({ step, epoch }: Position, what: string): UserError {
  return new UserError(
    `${what} at step ${step} of epoch ${epoch + 1}. Lower --learning-rate, or bound the gradients with --clip-norm; the last good checkpoint is kept.`,
    1,
  );
}

/**
 * Gives `use` the variables for a checkpoint. With shared classes home has the whole tables, which are in a file, and other
 * workers have none.
 * @throws UserError when one has values that are not finite
 */
export async function withTrained<T>(
  { program, phase, group, options }: Job,
  position: Position,
  use: (tensors: ReadonlyMap<string, GivenValues>) => Promise<T>,
): Promise<T> {
  const tables = await group.shared?.collect(options.folder);
  try {
    program.pull();
    const own = program.state.values((entry) => phase.isTrained(entry) && !(tables && entry.part));
    const names = program.state.all().map(({ name }) => name);
    const tensors = tables ? inOrder(names, new Map<string, GivenValues>([...own, ...tables.values])) : own;
    for (const [name, given] of tensors) {
      for (const values of piecesOf(given)) {
        if (firstUnsound(values) >= 0) throw diverged(position, `The values of ${name} are no longer numbers`);
      }
    }
    return await use(tensors);
  } finally {
    tables?.close();
  }
}

const trainingFile = ({ options, phase }: Job): string =>
  join(options.folder, phase.name === undefined ? checkpointFiles.training : `${phase.name}.safetensors`);

/** The entries that there are of these names. */
const inOrder = (names: readonly string[], entries: ReadonlyMap<string, GivenValues>) =>
  new Map(
    names.flatMap((name) => {
      const entry = entries.get(name);
      return entry ? [[name, entry] as const] : [];
    }),
  );

export function resume(job: Job): Checkpoint<Position> | undefined {
  const { program, options, phase, label } = job;
  const file = trainingFile(job);
  const { state } = program;
  const isTable = (name: string) => state.get(name)?.part !== undefined;
  const found = readResumePoint(file, (line) => options.log(`${label}: ${line}`), isTable);
  if (!found) return undefined;
  state.load(new Map<string, GivenValues>([...found.tensors, ...found.tables]), file, phase.isTrained);
  program.push();
  return found;
}

export const saveAt = async (run: RunToSave, position: Position): Promise<void> =>
  withTrained(run, position, (tensors) => save(run, position, tensors));

export async function save(
  run: RunToSave,
  position: Position,
  tensors: ReadonlyMap<string, GivenValues>,
): Promise<void> {
  run.saved = performance.now();
  if (!run.group.isHome) return;
  // The metrics of the steps before the checkpoint must be on the disk: a resumed run does not log them again.
  await run.options.tracker.flush();
  saveResumePoint(trainingFile(run), position, tensors);
  run.saved = performance.now();
}

interface NetworkToSave extends Pick<NetworkMetadata, 'epoch' | 'metrics'> {
  /** All trained variables. */
  readonly tensors: ReadonlyMap<string, GivenValues>;
}

export function saveNetwork(
  { options, phase, group }: Job,
  file: string,
  { tensors: all, ...at }: NetworkToSave,
): void {
  if (!group.isHome) return;
  const { network } = phase;
  const metadata: NetworkMetadata = { network: network.description, ...at };
  const names = network.variables().map(({ name }) => name);
  const own = group.shared ? inOrder(names, all) : undefined;
  const tensors = own
    ? new Map([...own].map(([name, values]) => [name.slice(network.root.length + 1), values]))
    : network.weights();
  writeCheckpoint(join(options.folder, file), { tensors, metadata });
}
