/** Builds what a training works with: networks with their first weights, the loss, and which variables learn. */
import { type AugmentedCopies, augmentedCopies } from '../data/loading/augmented-copies';
import { singleMethod } from '../distill/combine-methods';
import type { Loss, Need } from '../distill/method';
import { partsOf } from '../distill/pretraining';
import { methods } from '../distill/registry';
import { type BuildOptions, buildNetwork, type Network, type NetworkDescription } from '../nn/network';
import { partOf } from '../nn/network-parts';
import { shapeOf } from '../nn/network-shape';
import { Scope } from '../nn/scope';
import type { State, StateVariable } from '../runtime/state';
import { parameterShapes } from '../weights/parameter-shapes';
import { type ClassShards, heldClasses, type ShardPlace } from './class-shards';
import { microBatchSize } from './micro-batches';
import { type InitialWeights, startFrom } from './networks/initial-weights';
import { allTensors, type NetworkWeights } from './networks/load-network';
import { copyHead, type SharedWeights, suitedTo } from './networks/shared-head';
import { classSampler, type PartialFc, sampledHeads } from './partial-fc';
import type { NetworkTraining } from './settings';
import { headAlone } from './teacher-cache/head-alone';
import { cachePays, checkCachedMethods, checkUnmixed, endlessViews } from './teacher-cache/refusals';
import { openTeacherCache, type TeacherCache } from './teacher-cache/teacher-cache';

/** Weights from files that a training starts with. */
export interface GivenWeights {
  readonly teacher?: NetworkWeights | undefined;
  readonly sharedHead?: SharedWeights | undefined;
  readonly initial?: InitialWeights | undefined;
}

export interface Training {
  readonly network: Network;
  readonly teacher: Network | undefined;
  readonly loss: Loss;
  readonly needs: ReadonlySet<Need>;
  readonly cache: TeacherCache | undefined;
  readonly copies: AugmentedCopies | undefined;
  readonly partialFc: PartialFc | undefined;
  /** The classes that this process holds of the head; undefined: all. */
  readonly shards: ClassShards | undefined;
  /** All variables that a gradient may move, in a method's pretraining too. */
  readonly learnable: readonly StateVariable[];
  /** The variables that training moves. */
  readonly learned: readonly StateVariable[];
  /** Whether the network's head is another network's and never moves. */
  readonly headIsFrozen: boolean;
}

const teacherRoot = 'distilled-teacher';
const methodRoot = 'method';

export const isOfTeacher = ({ name }: StateVariable): boolean => name.startsWith(`${teacherRoot}/`);

/**
 * @param place where several processes share the classes of the head
 * @throws UserError when networks, heads, method and teacher cache do not fit together
 */
export async function build(
  state: State,
  options: NetworkTraining,
  given: GivenWeights,
  place?: ShardPlace,
): Promise<Training> {
  const { role, task, settings, distillation, recompute = false, classShare = 1 } = options;
  const { batchSize, accumulate, seed } = settings;
  const { labels, classes } = task.train;
  const shards = place && { ...place, held: heldClasses(classes, place) };
  const classRows = classShare < 1 || shards !== undefined;
  const method = distillation?.method ?? singleMethod(methods.named('none'));
  const copies = augmentedCopies(task.train, distillation?.views ?? 0);
  const cache = await openCache(options, copies, given.teacher, microBatchSize(batchSize, accumulate));
  try {
    const { sharedHead = headOfTeacher(options, given) } = given;
    const rows = { classRows, held: shards?.held };
    const teacher = given.teacher && buildTeacher(state, given.teacher, cache, rows);
    const description = describe(suitedTo(sharedHead, options.network), teacher, options);
    const network = buildNetwork(state, role, description, seed, { recompute, ...rows });
    for (const line of given.initial ? startFrom(state, network, given.initial, !sharedHead) : [])
      options.log(`${role}: ${line}`);
    if (sharedHead) copyHead(state, network, sharedHead, 'head');
    if (description.blend && given.teacher) copyHead(state, network, given.teacher, 'teacher_head');

    const student = shapeOf(network);
    const teacherShape = cache?.shape ?? (teacher ? shapeOf(teacher) : student);
    const scope = Scope.root(state, methodRoot, seed);
    const loss = method.build({ scope, student, teacher: teacherShape, labels, classes });

    const headIsFrozen = sharedHead?.use === 'frozen';
    const partialFc =
      classShare < 1
        ? {
            ...classSampler({ classes, share: classShare, batchSize, seed }),
            ...sampledHeads(network, teacher, headIsFrozen),
          }
        : undefined;
    const frozenParts = headIsFrozen ? ['teacher_head', 'head'] : ['teacher_head'];
    const isFrozen = (entry: StateVariable) =>
      isOfTeacher(entry) || (entry.name.startsWith(`${role}/`) && frozenParts.includes(partOf(entry.name)));
    const learnable = state.all('trainable').filter((entry) => !isFrozen(entry));
    const isPretrained = loss.frozen && partsOf(loss.frozen);
    const learned = learnable.filter(({ name }) => !isPretrained?.(name));
    return {
      network,
      teacher,
      loss,
      needs: method.needs,
      cache,
      copies,
      partialFc,
      shards,
      learnable,
      learned,
      headIsFrozen,
    };
  } catch (error) {
    cache?.close();
    throw error;
  }
}

/** The teacher; of one whose embeddings are cached, its head. */
function buildTeacher(
  state: State,
  weights: NetworkWeights,
  cache: TeacherCache | undefined,
  rows: Pick<BuildOptions, 'classRows' | 'held'>,
): Network {
  const { description, file } = weights;
  if (!cache) {
    const teacher = buildNetwork(state, teacherRoot, description, undefined, rows);
    teacher.load(allTensors(weights), file);
    return teacher;
  }
  const head = headAlone(state, teacherRoot, description, cache.dimension, rows);
  copyHead(state, head, weights, 'head');
  return head;
}

/** @throws UserError where the cache cannot serve the method or the augmentation, and is not optional */
async function openCache(
  options: NetworkTraining,
  copies: AugmentedCopies | undefined,
  weights: NetworkWeights | undefined,
  batchSize: number,
): Promise<TeacherCache | undefined> {
  const { task, distillation, settings, signal, log, eager = false } = options;
  const { train: dataset } = task;
  if (!distillation?.cache || !weights) return undefined;
  if (distillation.cache.isOptional && !cachePays(options, copies, weights, batchSize)) return undefined;
  checkCachedMethods(distillation.method.name);
  checkUnmixed(settings);
  if (!copies) throw endlessViews(dataset);
  return openTeacherCache({ ...distillation.cache, weights, dataset, views: copies, batchSize, eager, signal, log });
}

/** The teacher's head, where the method's student predicts through it. */
function headOfTeacher({ distillation }: NetworkTraining, { teacher }: GivenWeights): SharedWeights | undefined {
  const by = distillation?.method.studentHead;
  return teacher && by && { ...teacher, use: 'frozen', by };
}

/** The network with the maps it needs to be compared with its teacher, and to predict through the teacher's head. */
function describe(
  network: NetworkDescription,
  teacher: Network | undefined,
  { distillation }: NetworkTraining,
): NetworkDescription {
  if (!teacher) return network;
  const { embeddingSize } = parameterShapes(network);
  const { head, scale } = teacher.description;
  const share = distillation?.predictionShare ?? 0;
  return {
    ...network,
    ...(embeddingSize !== teacher.embeddingSize && { teacherSpace: teacher.embeddingSize }),
    ...(share > 0 && { blend: { share, head, scale } }),
  };
}
