import { defineExperiment } from '@headshare/core/experiment/define';
import { flagName, group, integer, list, oneOf } from '@headshare/core/experiment/option';
import { resolveAll } from '@headshare/core/experiment/settings';
import { methodsOption } from '@headshare/core/recipes/distillation-options';
import { UserError } from '@headshare/core/system/user-error';
import { reportTable, rowsOf, type TableRow } from '../src/cifar100-table';
import { experiments } from '../src/experiments';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { pairName, publishedPairs } from '../src/published-cifar100';

const { sweep } = experiments;
const names = publishedPairs.map(pairName);

/** Options of `sweep` that would change the rows of the table. */
const ofPairs = ['experiment', 'students', 'teachers', 'sweep'];

const chosen = (pairs: readonly string[]) => publishedPairs.filter((one) => pairs.includes(pairName(one)));

const networksOf = ({ teacher, student, learningRate }: (typeof publishedPairs)[number]) => ({
  teacher,
  student,
  learningRate,
});

export default defineExperiment({
  summary: 'Sweep the published pairs of networks for CIFAR-100, and report them beside the published numbers',
  uses: { sweep },
  reports: true,
  options: group('Table', {
    dataset: dataOptions.dataset,
    seed: integer({ default: 1, min: 0, help: 'first seed' }),
    seeds: integer({ default: 3, min: 1, help: 'number of seeds, counted from --seed' }),
    pairs: list(oneOf(names, 'resnet32x4/resnet8x4', { help: '' }), {
      default: ['resnet32x4/resnet8x4'],
      help: 'pairs of teacher/student',
    }),
    methods: list(methodsOption('kd', { others: ['sh-kd'], help: '' }), {
      default: ['kd', 'crd', 'th-kd', 'crd-th-kd', 'sh-kd'],
      help: 'distillation methods',
    }),
  }),
  profiles,
  check({ seed, seeds, pairs, methods }, { profile, given }) {
    const decided = ofPairs.find((option) => Object.hasOwn(given, option));
    if (decided !== undefined) {
      throw new UserError(`${flagName(decided)}: --pairs decides it; leave it out, or use imagenet:sweep`);
    }
    for (const pair of chosen(pairs)) {
      resolveAll(sweep, { profile, given: { ...given, seed, seeds, methods, ...networksOf(pair) } });
    }
  },
  async run(context) {
    const { seed, seeds, pairs, methods, dataset } = context.options;
    const rows: TableRow[] = [];
    const shards: string[] = [];
    for (const pair of chosen(pairs)) {
      const { result } = await context.stage(sweep, { seed, seeds, methods, ...networksOf(pair) });
      if (result.sweep?.shard !== undefined) shards.push(`${pairName(pair)}: ${result.summary}`);
      else rows.push(...rowsOf(pair, methods, result.runs));
    }
    // Only a machine that has all shards in its runs/ can make this table, without --shard.
    if (shards.length > 0) return { metrics: { shards: shards.length }, summary: shards.join('\n\n') };
    return reportTable(rows, dataset, context.folder);
  },
});
