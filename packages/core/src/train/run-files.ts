/** What a training writes and resumes from, by phase; with several workers home alone writes. */
import { join } from 'node:path';
import type { Network } from '../nn/network';
import type { Program } from '../runtime/program';
import type { NamedValues, StateVariable } from '../runtime/state';
import type { Progress } from '../system/progress';
import { UserError } from '../system/user-error';
import type { Training } from './build';
import { type Checkpoint, checkpointFiles, type NetworkMetadata, writeCheckpoint } from './checkpoint';
import type { Metrics } from './evaluation/metrics';
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
 * The variables for a checkpoint. With shared classes home has the whole tables, and other workers none.
 * @throws UserError when one has values that are not finite
 */
export async function trained(
  { program, phase, group }: Job,
  position: Position,
): Promise<ReadonlyMap<string, NamedValues>> {
  const tables = await group.shared?.collect();
  program.pull();
  const own = program.state.values((entry) => phase.isTrained(entry) && !(tables && entry.part));
  const names = program.state.all().map(({ name }) => name);
  const tensors = tables ? inOrder(names, new Map([...own, ...tables])) : own;
  for (const [name, { values }] of tensors) {
    if (!values.every(Number.isFinite)) throw diverged(position, `The values of ${name} are no longer numbers`);
  }
  return tensors;
}

const trainingFile = ({ options, phase }: Job): string =>
  join(options.folder, phase.name === undefined ? checkpointFiles.training : `${phase.name}.safetensors`);

/** The entries that there are of these names. */
const inOrder = (names: readonly string[], entries: ReadonlyMap<string, NamedValues>) =>
  new Map(
    names.flatMap((name) => {
      const entry = entries.get(name);
      return entry ? [[name, entry] as const] : [];
    }),
  );

export function resume(job: Job): Checkpoint<Position> | undefined {
  const { program, options, phase, label } = job;
  const file = trainingFile(job);
  const found = readResumePoint(file, (line) => options.log(`${label}: ${line}`));
  if (!found) return undefined;
  program.state.load(found.tensors, file, phase.isTrained);
  program.push();
  return found;
}

export const saveAt = async (run: RunToSave, position: Position): Promise<void> =>
  save(run, position, await trained(run, position));

export async function save(
  run: RunToSave,
  position: Position,
  tensors: ReadonlyMap<string, NamedValues>,
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
  readonly tensors: ReadonlyMap<string, NamedValues>;
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
