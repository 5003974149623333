import type { PlannedStage } from '../../experiment/define';
import { defineExperiment } from '../../experiment/define';
import type { SweptRun } from '../../experiment/sweep/plan-sweep';
import type { NetworkResult } from '../network-stages';
import { kinds, type NetworkStages } from './kinds';
import { partOf, partText } from './shard-trainings';

const stages = Object.fromEntries(
  kinds.map((summary) => [
    summary,
    defineExperiment({ summary, options: {}, run: async (): Promise<NetworkResult> => ({}) as NetworkResult }),
  ]),
) as unknown as NetworkStages;

const options = {
  student: 'resnet8',
  studentWidth: 1,
  teacher: 'resnet8',
  teacherWidth: 2,
  embeddingSize: 16,
  epochs: 10,
  teacherEpochs: 1,
};

/** The trainings of one seed: a teacher, a student alone and distilled ones. */
function seedOf(seed: number, methods: number): SweptRun[] {
  const planned = (experiment: PlannedStage['experiment'], key: string, needs: readonly PlannedStage[] = []) => ({
    experiment,
    key: `${key} ${seed}`,
    folder: '',
    options,
    needs,
    command: [],
    finished: async () => undefined,
  });
  const teacher = planned(stages.teacher, 'teacher');
  const distilled = Array.from({ length: methods }, (_, i) => planned(stages.distill, `method ${i}`, [teacher]));
  const all = [teacher, planned(stages.student, 'alone'), ...distilled];
  return all.map((stage) => ({
    name: { title: stage.key, settings: {} },
    row: stage.key,
    seed,
    stage,
    given: [],
    wanted: true,
    beside: all.map(({ key }) => key),
  }));
}

const keys = (runs: readonly SweptRun[]): string[] => runs.map(({ stage }) => stage.key);

test('one seed on two machines: each training is reported by one, and both train the teacher', async () => {
  const runs = seedOf(1, 4);
  const parts = await Promise.all([1, 2].map((index) => partOf(runs, { index, count: 2 }, stages, () => 16)));
  expect(parts.flatMap(({ own }) => keys(own)).sort()).toEqual(keys(runs).sort());
  for (const { own, trained } of parts) {
    expect(own.length).toBeGreaterThan(0);
    expect(new Set(keys(trained))).toEqual(new Set([...keys(own), 'teacher 1']));
  }
  const texts = parts.map((part, i) => partText(part, { index: i + 1, count: 2 }, runs.length)).sort();
  expect(texts.join('\n')).toMatch(
    /^Shard 1\/2: 3 of 6 trainings, of seed 1(, and 1 of another shard that they need)?\nShard 2\/2: 3 of 6 trainings, of seed 1(, and 1 of another shard that they need)?$/,
  );
});

test('a student alone goes with the teacher that the report compares it with', async () => {
  const runs = [...seedOf(1, 0), ...seedOf(2, 0)];
  const { own, trained } = await partOf(runs, { index: 2, count: 2 }, stages, () => 16);
  expect([keys(own), keys(trained)]).toEqual([
    ['teacher 2', 'alone 2'],
    ['teacher 2', 'alone 2'],
  ]);
});
