import { repeatOf } from '../data/loading/augmented-copies';
import type { Pretraining } from '../distill/method';
import { buildNetwork, type Network } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { checkPrecision } from '../runtime/precision';
import { Program } from '../runtime/program';
import { State, type StateVariable } from '../runtime/state';
import type { Tensor } from '../runtime/tensorflow';
import { type Assembly, assemble, isOfTeacher } from './assemble';
import { checkpointFiles } from './checkpoint';
import { checkClassShare } from './class-sampling';
import { agreementMetrics, headAgreement } from './head-agreement';
import { makeInference } from './inference';
import { learningStep } from './learning-steps';
import { train } from './loop';
import type { Metrics } from './metrics';
import { checkMixing, requireMixable } from './mixing';
import { isGradientSum } from './optimiser';
import { previousOf } from './resume-point';
import type { NetworkTraining, TrainedNetwork, TrainingSettings } from './settings';
import { choosingMetric } from './task';
import { microBatchSize } from './training-step';
import { averageOf, startAverage } from './weight-average';

/**
 * Trains one network, from random weights or from given ones: alone, from a teacher, or under another network's head.
 * @throws UserError when a checkpoint does not fit, the device has not the precision, or training cannot go on
 */
export async function trainNetwork(options: NetworkTraining): Promise<TrainedNetwork> {
  const { role, task, settings, distillation, folder } = options;
  const { eager = false, precision = 'float32', classShare = 1 } = options;
  checkPrecision(precision, eager);
  checkClassShare({ ...settings, classShare });
  checkMixing(settings);
  if (distillation) requireMixable(settings, distillation.method);
  const state = new State();
  const program = new Program(state, { eager });
  let assembly: Assembly | undefined;
  try {
    assembly = await assemble(state, options);
    const { network, teacher, cache, views, criterion, learned, headIsFrozen } = assembly;
    const job = {
      ...options,
      program,
      dataset: task.train,
      repeat: repeatOf(views),
      embeddings: cache?.read,
      selectBy: task.selectBy,
      chooseBy: choosingMetric(task),
    };
    if (!assembly.isResumed) await pretrain(job, assembly);
    // The result is the average where there is one; it takes no part in its own making.
    const average = settings.emaDecay > 0 ? averaged(state, network) : undefined;
    const result = average?.network ?? network;
    const { terms } = criterion;
    const step = learningStep(program, options, assembly, {
      name: 'train',
      variables: learned,
      terms,
      average: average?.follow,
    });

    // As many images as training has at once: what fits the memory there does here.
    const imagesAtOnce = microBatchSize(settings.batchSize, settings.accumulate);
    const inference = makeInference(program, result, { batchSize: imagesAtOnce });
    const heads = () => (teacher && !headIsFrozen ? headAgreement(result, teacher) : undefined);
    const outcome = await train({
      ...job,
      label: role,
      step,
      network: result,
      isTrained: (entry) => !isOfTeacher(entry) && !isGradientSum(entry) && !entry.name.startsWith(`${phase}/`),
      evaluate: async (): Promise<Metrics> => {
        const agreement = heads();
        return { ...(await task.evaluate(inference)), ...(agreement && agreementMetrics(agreement)) };
      },
    });
    const comparable =
      network.description.teacherSpace === undefined
        ? inference
        : makeInference(program, result, { batchSize: imagesAtOnce, compared: true });
    const left = await task.finish(folder, comparable, inference);
    const agreement = heads();
    return {
      ...outcome,
      parameters: count(network.variables().filter(isDeployed)),
      files: [checkpointFiles.last, checkpointFiles.best, ...left],
      temporaryFiles: [checkpointFiles.training, `${phase}.safetensors`].flatMap((file) => [file, previousOf(file)]),
      ...(agreement && { heads: agreement }),
    };
  } finally {
    assembly?.cache?.close();
    program.dispose();
    state.dispose();
  }
}

/** What comes before training proper, where a method has it. */
const phase = 'pretraining';

/** The reference trains it without a schedule. */
const constantRate = ({ epochs, learningRate }: Pretraining, settings: TrainingSettings) => ({
  epochs,
  learningRate: learningRate ?? settings.learningRate,
  schedule: 'constant' as const,
  warmUpEpochs: 0,
});

type Job = NetworkTraining & Omit<Parameters<typeof train>[0], 'step' | 'network' | 'isTrained' | 'label'>;

/** What a method learns before training proper. */
async function pretrain(job: Job, assembly: Assembly): Promise<void> {
  const { role, program, settings } = job;
  const { network, learnable, criterion } = assembly;
  const { pretraining } = criterion;
  if (!pretraining || pretraining.epochs === 0) return;
  const step = learningStep(program, job, assembly, {
    name: phase,
    root: `${phase}/`,
    variables: learnable.filter(({ name }) => pretraining.moves(name)),
    terms: pretraining.terms,
    mode: pretraining.student,
  });
  await train({
    ...job,
    label: `${role}, ${phase}`,
    phase,
    settings: { ...settings, ...constantRate(pretraining, settings) },
    step,
    network,
    isTrained: (entry) => !isOfTeacher(entry) && !isGradientSum(entry),
  });
  program.pull();
}

const count = (variables: readonly StateVariable[]): number =>
  variables.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

/** Whether a variable is a weight that predictions need. */
const isDeployed = ({ name, kind }: StateVariable): boolean =>
  kind === 'trainable' && !['teacher_space', 'teacher_head'].includes(partOf(name));

interface Averaged {
  readonly network: Network;
  readonly follow: (share: Tensor) => void;
}

/** A network like `network` whose variables are averages of its. */
function averaged(state: State, network: Network): Averaged {
  const copy = buildNetwork(state, averageOf(network.root), network.description, undefined);
  return { network: copy, follow: startAverage(state, network.variables()) };
}
