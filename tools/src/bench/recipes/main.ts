import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { integer, list } from '@headshare/core/experiment/option';
import { UserError } from '@headshare/core/system/user-error';
import { benchmark, type Column, print, someOf } from '../command-line';
import { inOwnProcess } from '../measurement';
import type { measureStage, StageMeasurement } from './measure';
import { type Stage, stageNames, stages } from './stages';

type Measured = Stage & StageMeasurement;

benchmark(
  {
    name: 'bench-recipes',
    summary: 'Rehearse the published recipes: their first steps at real sizes, and the hours that they would take',
    notes: [
      `Each stage runs a few steps of noise in its own process. Hours are processor time over cores, as if nothing else ran and all
cores were always at work: a lower bound, closest for as many cores as this machine has.`,
    ],
    options: {
      stages: someOf(stageNames, 'stages to rehearse'),
      steps: integer({ min: 1, default: 3, help: 'steps of each, after the first, which is not counted' }),
      images: integer({ min: 1, default: 128, help: 'the most images a step; larger batches are measured in part' }),
      slice: integer({ min: 1, default: 16, help: 'images of a slice where the batch is larger than --images' }),
      cores: list(integer({ min: 1, help: '' }), {
        default: [availableParallelism(), 64],
        help: 'numbers of cores to project to',
      }),
    },
  },
  async ({ stages: names, steps, images, slice, cores, json }) => {
    if (images % slice !== 0) throw new UserError(`--images=${images} must be a multiple of --slice=${slice}`);
    const measured: Measured[] = [];
    for (const name of names) {
      process.stderr.write(`${name}\n`);
      const asked = { name, images, slice, steps };
      const one = await inOwnProcess<typeof measureStage>(join(__dirname, 'measure.ts'), 'measureStage', asked);
      measured.push({ ...stages[name], ...one });
    }
    const hours = ({ processorSecondsAnImage, total }: Measured, count: number): number =>
      (processorSecondsAnImage * total) / 3600 / count;
    print(
      json,
      measured,
      [
        ['stage', (one) => `${one.recipe}: ${one.title}`],
        ['images, M', ({ total }) => total / 1e6, 2],
        ['a slice', (one) => one.slice, 0],
        ['first step, s', (one) => one.firstSeconds, 1],
        ['images/s', (one) => 1 / one.secondsAnImage, 1],
        ['core ms an image', (one) => 1000 * one.processorSecondsAnImage, 1],
        ['peak MB', (one) => one.peakMegabytes, 0],
        ...cores.map(
          (count): Column<Measured> => [
            `hours on ${count} ${count === 1 ? 'core' : 'cores'}`,
            (one) => hours(one, count),
            1,
          ],
        ),
      ],
      [
        'Hours of the whole stage if nothing else ran and all cores were at work. images/s includes what other programs took.',
      ],
    );
  },
);
