/** What a training is made of: the networks, what the student learns from, and which variables that moves. */
import { join } from 'node:path';
import { type AugmentedCopies, augmentedCopies } from '../data/loading/augmented-copies';
import { singleMethod } from '../distill/combine-methods';
import { partsOf } from '../distill/pretraining';
import { methods } from '../distill/registry';
import { buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import type { State, StateVariable } from '../runtime/state';
import { parameterShapes } from '../weights/parameter-shapes';
import { checkpointFiles } from './checkpoint';
import { classSampler } from './class-sampling';
import { criterionFor } from './criterion';
import { startFrom } from './initial-weights';
import { loadNetwork } from './load-network';
import { hasResumePoint } from './resume-point';
import { headSampling } from './sampled-heads';
import type { Distillation, NetworkTraining } from './settings';
import { copyHead, type SharedHead, shareHead, suitedTo } from './shared-head';
import { checkCachedMethods, checkUnmixed, endlessViews } from './teacher-cache/refusals';
import { openTeacherCache, type TeacherCache } from './teacher-cache/teacher-cache';
import { microBatchSize } from './training-step';

/** The root of the teacher's variables. */
const teacherRoot = 'distilled-teacher';

export const isOfTeacher = ({ name }: StateVariable): boolean => name.startsWith(`${teacherRoot}/`);

export type Assembly = Awaited<ReturnType<typeof assemble>>;

/**
 * Builds the networks in the state and gives them the weights that training starts from.
 * @throws UserError when networks, heads, method and teacher's cache do not go together
 */
export async function assemble(state: State, options: NetworkTraining) {
  const { role, task, settings, distillation, folder, recompute = false, classShare = 1 } = options;
  const { batchSize, accumulate, seed } = settings;
  const views = augmentedCopies(task.train, distillation?.views ?? 0);
  const cache = await cacheOf(options, views, microBatchSize(batchSize, accumulate));
  try {
    const classRows = classShare < 1;
    const teacher =
      distillation &&
      (cache?.network(state, teacherRoot, { classRows }) ??
        loadNetwork(state, teacherRoot, distillation.teacher, undefined, { classRows }));
    const sharedHead = options.sharedHead ?? headOfTeacher(distillation);
    const suited = describe(suitedTo(sharedHead, options.network), teacher, distillation);
    const network = buildNetwork(state, role, suited, seed, { recompute, classRows });
    const isResumed = hasResumePoint(join(folder, checkpointFiles.training));
    for (const line of isResumed ? [] : begin(state, network, options, !sharedHead)) options.log(`${role}: ${line}`);
    if (sharedHead) shareHead(state, network, sharedHead);
    if (suited.blend && distillation) copyHead(state, network, distillation.teacher, 'teacher_head');
    const criterion = criterionFor(state, distillation?.method ?? alone, {
      network,
      teacher,
      teacherShape: cache?.shape,
      task,
      seed,
    });
    const frozen = sharedHead?.use === 'frozen' ? ['teacher_head', 'head'] : ['teacher_head'];
    const sampling = classRows
      ? {
          ...classSampler({ classes: task.train.classes, share: classShare, batchSize, seed }),
          heads: headSampling(network, teacher, sharedHead?.use === 'frozen'),
        }
      : undefined;
    const isFrozen = (entry: StateVariable) =>
      isOfTeacher(entry) || (entry.name.startsWith(`${role}/`) && frozen.includes(partOf(entry.name)));
    const learnable = state.all('trainable').filter((entry) => !isFrozen(entry));
    const isKept = criterion.frozen && partsOf(criterion.frozen);
    const learned = learnable.filter(({ name }) => !isKept?.(name));
    return {
      network,
      teacher,
      cache,
      views,
      criterion,
      sampling,
      isResumed,
      /** All that a gradient may move, and of it what training proper moves. */
      learnable,
      learned,
      /** Whether the student's head is another network's, and stays as it is. */
      headIsFrozen: sharedHead?.use === 'frozen',
    };
  } catch (error) {
    cache?.close();
    throw error;
  }
}

/** The teacher's cache, where one is asked for. @throws UserError where it cannot serve the method or the views */
async function cacheOf(
  { task: { train: dataset }, distillation, settings, signal, log, eager = false }: NetworkTraining,
  views: AugmentedCopies | undefined,
  batchSize: number,
): Promise<TeacherCache | undefined> {
  if (!distillation?.cache) return undefined;
  const { teacher, method, cache } = distillation;
  checkCachedMethods(method.name);
  checkUnmixed(settings);
  if (!views) throw endlessViews(dataset);
  return openTeacherCache({ ...cache, teacher, dataset, views, batchSize, eager, signal, log });
}

/** Gives a new network the weights that its training starts from. @returns what there is to say of them */
function begin(
  state: State,
  network: Network,
  { initial, role, settings: { backboneRate } }: NetworkTraining,
  takesHead: boolean,
): readonly string[] {
  if (initial !== undefined) return startFrom(state, network, initial, { option: role, takesHead });
  const rate = role === 'teacher' ? '--teacher-backbone-rate' : '--backbone-rate';
  return backboneRate < 1
    ? [
        `its backbone starts at random, and ${rate}=${backboneRate} slows it; trained weights are given by --${role}-initial`,
      ]
    : [];
}

const alone = singleMethod(methods.named('none'));

/** The head that a method's student predicts through: its teacher's, as it is. */
function headOfTeacher(distillation: Distillation | undefined): SharedHead | undefined {
  const by = distillation?.method.studentHead;
  return distillation && by && { from: distillation.teacher, use: 'frozen', by };
}

/** The student with what it needs to be compared with its teacher, and to predict through its head. */
function describe(
  network: NetworkDescription,
  teacher: Network | undefined,
  distillation: Distillation | undefined,
): NetworkDescription {
  if (!teacher || !distillation) return network;
  const { embeddingSize } = parameterShapes(network);
  const { head, scale } = teacher.description;
  const { predictionShare: share = 0 } = distillation;
  return {
    ...network,
    ...(embeddingSize !== teacher.embeddingSize && { teacherSpace: teacher.embeddingSize }),
    ...(share > 0 && { blend: { share, head, scale } }),
  };
}
