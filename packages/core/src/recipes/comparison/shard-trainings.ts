/** The part of a sweep that one machine trains. */
import type { PlannedStage } from '../../experiment/define';
import { deal } from '../../experiment/sweep/deal';
import type { SweptRun } from '../../experiment/sweep/plan-sweep';
import { type Shard, shardText } from '../../experiment/sweep/shard';
import type { ImageSize } from '../../system/image-size';
import { kindOf, type NetworkStages, type OptionValues } from './kinds';
import { teacherBeside } from './swept-trainings';

export interface Part {
  /** The trainings that the shard reports: each training of the sweep is reported by one shard. */
  readonly own: readonly SweptRun[];
  /** These, and the stages that they need; another shard may train such a stage too. */
  readonly trained: readonly SweptRun[];
}

/** Deals the trainings of a sweep by their multiply-adds. @returns the shard's part, in the order of the sweep */
export async function partOf(
  runs: readonly SweptRun[],
  { index, count }: Shard,
  stages: NetworkStages,
  imageSize: (options: OptionValues) => ImageSize,
): Promise<Part> {
  const positions = new Map(runs.map(({ stage }, i) => [stage.key, i]));
  const costOf = await costs(stages, imageSize);
  const trainings = runs.map((run) => {
    // The report compares a student that is trained alone with the teacher of its seed.
    const teacher = run.stage.experiment === stages.student ? teacherBeside(stages, runs, run)?.stage : undefined;
    const keys = [...new Set([...run.stage.needs, ...(teacher ? [teacher] : [])].flatMap(withNeeds))];
    return { cost: costOf(run.stage), needs: keys.flatMap((key) => positions.get(key) ?? []) };
  });
  const dealt = deal(trainings, count);
  const isOwn = (i: number): boolean => dealt[i] === index - 1;
  const needed = new Set(trainings.flatMap(({ needs }, i) => (isOwn(i) ? needs : [])));
  return {
    own: runs.filter((_, i) => isOwn(i)),
    trained: runs.filter((_, i) => isOwn(i) || needed.has(i)),
  };
}

/** `Shard 2/4: 12 of 48 trainings, of seeds 2 and 4, and 1 that they need` */
export function partText({ own, trained }: Part, shard: Shard, total: number): string {
  if (own.length === 0) {
    return `Shard ${shardText(shard)} has nothing to train: the other shards share all ${total} trainings of the sweep`;
  }
  const seeds = [...new Set(own.map(({ seed }) => seed))].sort((a, b) => a - b);
  const ofSeeds = `${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}`;
  const needed = trained.length - own.length;
  const rest = needed > 0 ? `, and ${needed} of another shard that they need` : '';
  return `Shard ${shardText(shard)}: ${own.length} of ${total} trainings, of ${ofSeeds}${rest}`;
}

const withNeeds = ({ key, needs }: PlannedStage): readonly string[] => [key, ...needs.flatMap(withNeeds)];

/** A function that estimates trainings: multiply-adds for each training image, above 0. */
async function costs(stages: NetworkStages, imageSize: (options: OptionValues) => ImageSize) {
  const { measure } = await import('../../nn/measure');
  const known = new Map<string, number>();
  const forward = (options: OptionValues, backbone: unknown, width: unknown): number => {
    const size = { inputSize: imageSize(options), width: Number(width), embeddingSize: Number(options.embeddingSize) };
    const key = JSON.stringify([backbone, size]);
    const cost = known.get(key) ?? measure(String(backbone), size).multiplyAdds;
    known.set(key, cost);
    return cost;
  };
  return ({ experiment, options }: PlannedStage): number => {
    const kind = kindOf(stages, experiment);
    const [epochs, teacherEpochs] = [Number(options.epochs), Number(options.teacherEpochs)];
    const student = () => forward(options, options.student, options.studentWidth);
    const teacher = () => forward(options, options.teacher, options.teacherWidth);
    // The backward pass takes about two forward passes.
    if (kind === 'student') return 3 * epochs * student();
    // An external teacher is only evaluated.
    if (kind === 'teacher' && options.teacherWeights !== undefined) return teacher();
    if (kind === 'teacher' || kind === 'teacher-student-head') return 3 * teacherEpochs * teacher();
    return epochs * (3 * student() + teacher());
  };
}
