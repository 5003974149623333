import { defineExperiment } from '@headshare/core/experiment/define';
import { integer, list, oneOf } from '@headshare/core/experiment/option';
import { methodsOption } from '@headshare/core/recipes/method-options';
import { reportTable, rowOf, type TableRow } from '../src/cifar100-table';
import { experiments } from '../src/experiments';
import { dataOptions } from '../src/options';
import { profiles } from '../src/profiles';
import { pairName, publishedPairs } from '../src/published-cifar100';

const { teacher, student, distill, distillStudentHead } = experiments;
const names = publishedPairs.map(pairName);

export default defineExperiment({
  summary: "CIFAR-100's published pairs of networks by several methods and seeds, beside the published numbers",
  uses: { teacher, student, distill, distillStudentHead },
  options: {
    dataset: dataOptions.dataset,
    seed: integer({ default: 1, min: 0, help: 'the first seed' }),
    seeds: integer({ default: 3, min: 1, help: 'how many seeds, counted up from --seed' }),
    pairs: list(oneOf(names, 'resnet32x4/resnet8x4', { help: '' }), {
      default: ['resnet32x4/resnet8x4'],
      help: 'pairs of teacher and student',
    }),
    methods: list(methodsOption({ default: 'kd', others: ['sh-kd'], help: '' }), {
      default: ['kd', 'crd', 'th-kd', 'crd-th-kd', 'sh-kd'],
      help: 'what students are distilled by; sh-kd learns from its teacher by --sh-method',
    }),
  },
  profiles,
  async run(context) {
    const { seed: first, seeds, pairs, methods } = context.options;
    const each = Array.from({ length: seeds }, (_, i) => first + i);
    const rows: TableRow[] = [];
    for (const pair of publishedPairs.filter((one) => pairs.includes(pairName(one) as (typeof pairs)[number]))) {
      const networks = { teacher: pair.teacher, student: pair.student, learningRate: pair.learningRate };
      const runs = async <R>(run: (given: { readonly seed: number }) => Promise<R>): Promise<R[]> => {
        const done: R[] = [];
        for (const seed of each) done.push(await run({ ...networks, seed }));
        return done;
      };
      rows.push(rowOf(pair, 'teacher', await runs((given) => context.stage(teacher, given))));
      rows.push(rowOf(pair, 'student', await runs((given) => context.stage(student, given))));
      for (const method of methods) {
        const distilled =
          method === 'sh-kd'
            ? runs((given) => context.stage(distillStudentHead, given))
            : runs((given) => context.stage(distill, { ...given, method }));
        rows.push(rowOf(pair, method, await distilled));
      }
      context.log(`${pairName(pair)}: done`);
    }
    return reportTable(rows, context.options.dataset, context.folder);
  },
});
