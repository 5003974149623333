/** Exports a network as a model of a format: graph, file, check on pictures, and only then its place. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Difference, differences, worst } from '../delivery/compare';
import { modelInput } from '../delivery/feed';
import type { Format } from '../delivery/format';
import { type GraphOptions, networkGraph, networkResults } from '../delivery/network-graph';
import type { WeightType } from '../delivery/weights';
import { symmetric } from '../nn/normalisation';
import { sentenceOf } from '../system/sentence-of';
import { UserError } from '../system/user-error';
import type { Task } from '../train/evaluation/task';
import { cardOf, type Origin } from './card-of';
import { noise, openTask, type Pictures, picturesOf } from './pictures';
import { writeAndPlace } from './place';
import type { Source } from './source';
import { thresholdsOf } from './thresholds';

export interface ExportRequest {
  readonly source: Source;
  readonly to: string;
  readonly format: Format;
  readonly options: GraphOptions;
  readonly weights: WeightType;
  /** The workspace's folder. */
  readonly root: string;
}

export interface Exported {
  readonly files: readonly string[];
  readonly bytes: number;
  /** The output that is farthest from the network's own. */
  readonly difference: Difference;
  /** What it was compared on. */
  readonly pictures: string;
}

/** The largest relative difference from the network's own numbers with which a model may leave. */
const tolerances: Readonly<Record<WeightType, number>> = { float32: 1e-4, float16: 1e-2 };

/** @throws UserError when the model cannot be written, or differs from the network */
export async function exportModel({ source, to, format, options, weights, root }: ExportRequest): Promise<Exported> {
  const { network } = source;
  const { description } = network;
  const task = await dataOf(source, root);
  try {
    const card = cardOf(source, await originOf(source, task, options), options, weights);
    const { height, width } = card.input;
    const pictures = typeof task === 'string' ? noise(height, width, task) : await picturesOf(task);
    const expected = networkResults(network, options, pictures.bytes);
    requireFinite(expected, network.file, pictures);
    const graph = networkGraph(network, options);
    const input = modelInput(options.input, pictures.bytes, card.input, description.normalisation ?? symmetric);
    const isFolder = format.ending === '/';
    const target = resolve(to);
    let difference: Difference | undefined;
    const files = await writeAndPlace(
      target,
      isFolder,
      () => format.write(graph, card, { weights, name: basename(target) }),
      async (path) => {
        const model = await format.load(path, graph);
        try {
          difference = worst(differences(expected, await model.run(input)));
        } finally {
          await model.close();
        }
        if (difference.relative <= tolerances[weights]) return;
        throw new UserError(
          `${to} was not kept: on ${pictures.title} its ${difference.output} differs by ${shown(difference)} from the network's own, more than ${tolerances[weights]} of it.`,
          1,
        );
      },
    );
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    return { files, bytes, difference: difference as Difference, pictures: pictures.title };
  } finally {
    if (typeof task !== 'string') await task.close();
  }
}

async function originOf({ network, made }: Source, task: Task | string, options: GraphOptions): Promise<Origin> {
  if (typeof task === 'string' || !made) return {};
  return { usage: task.usage, thresholds: await thresholdsOf({ network, made }, task, options) };
}

/** `4.8e-6 of 9.3` */
export const shown = ({ largest, scale }: Difference): string =>
  `${largest.toExponential(1)} of ${Number(scale.toPrecision(3))}`;

/** The data of the network's run, or why there is none. */
async function dataOf({ made }: Source, root: string) {
  if (!made) return 'no run of it is known';
  try {
    return (await openTask(made, root)) ?? 'its run has no pictures';
  } catch (error) {
    if (error instanceof UserError) return `the data of its run is not here: ${sentenceOf(error)}`;
    throw error;
  }
}

function requireFinite(results: Readonly<Record<string, Float32Array>>, file: string, { title }: Pictures): void {
  const wrong = Object.entries(results).find(([, values]) => !values.every(Number.isFinite));
  if (wrong) throw new UserError(`${file} cannot be exported: its ${wrong[0]} of ${title} is not finite.`, 1);
}
