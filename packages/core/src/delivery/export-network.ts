/** Exports a network as a model of a format: graph, file, check on pictures, and only then its place. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Card } from 'headshare-student/card';
import { symmetric } from '../nn/normalisation';
import { UserError } from '../system/user-error';
import { type Difference, differences, worst } from './compare';
import { modelInput } from './feed';
import type { Format, LoadedModel, ModelInput } from './format';
import type { Graph } from './graph';
import { measureRanges } from './measure-ranges';
import { type DescribedNetwork, type GraphOptions, networkGraph, networkResults } from './network-graph';
import { writeAndPlace } from './place';
import type { Ranges } from './ranges';
import type { WeightType } from './weights';

/** Pictures that an export is tried on. */
export interface Pictures {
  /** RGB bytes of the network's size, picture by picture. */
  readonly bytes: Uint8Array;
  /** Their description: `8 pictures of faces-train`. */
  readonly title: string;
}

/** Pictures for the ranges of activations. */
export interface Calibration {
  /** Their description: `512 pictures of faces-train`. */
  readonly title: string;
  readonly count: number;
  /** RGB bytes of the network's size, at most `atOnce` pictures at a time. */
  batches(atOnce: number): AsyncIterable<Uint8Array>;
}

export interface NetworkExport {
  readonly network: DescribedNetwork;
  readonly card: Card;
  readonly options: GraphOptions;
  readonly weights: WeightType;
  readonly format: Format;
  /** The path of the model: a file, or a folder. What is there is replaced. */
  readonly to: string;
  readonly pictures: Pictures;
  /** Makes activations 8 bits; for formats that can. */
  readonly calibration?: Calibration | undefined;
  /**
   * Measures the model once it has passed; what it throws keeps the model from its place. The card that it returns replaces
   * the model's.
   */
  readonly judge?: ((model: LoadedModel) => Promise<Card | undefined>) | undefined;
}

export interface Exported {
  /** The paths of the model's files. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** The output that is farthest from the network's own. */
  readonly difference: Difference;
}

/**
 * The largest relative difference from the network's own numbers with which a model may leave. For int8 the task's own measure
 * has to decide, see export/judge.ts; a difference as large as the numbers themselves is a mistake.
 */
const tolerances: Readonly<Record<WeightType, number>> = { float32: 1e-4, float16: 1e-2, int8: 1 };

/**
 * Writes a model, runs it on the pictures in its format's engine, and puts it in place if it gives the network's own numbers.
 * @throws UserError when it cannot be written, or differs; nothing is left then, and what was at `to` stays
 */
export async function exportNetwork(given: NetworkExport): Promise<Exported> {
  const { network, card, options, weights, format, to, pictures, judge } = given;
  const expected = networkResults(network, options, pictures.bytes);
  requireFinite(expected, network.file, pictures);
  const target = resolve(to);
  let difference: Difference | undefined;
  const graph = networkGraph(network, options);
  const { normalisation = symmetric } = network.description;
  const inputOf = (bytes: Uint8Array) => modelInput(options.input, bytes, card.input, normalisation);
  const ranges = await rangesOf(graph, given, inputOf);
  const files = await writeAndPlace(target, format.ending === '/', async (save) => {
    const write = async (card: Card, measure?: NetworkExport['judge']) => {
      const path = save(format.write(graph, card, { weights, ranges, name: basename(target) }));
      const model = await format.load(path, { input: graph.input });
      try {
        difference = worst(differences(expected, await model.run(inputOf(pictures.bytes))));
        requireNear(difference, tolerances[weights], given);
        return await measure?.(model);
      } finally {
        await model.close();
      }
    };
    const measured = await write(card, judge);
    if (measured) await write(measured);
  });
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return { files, bytes, difference: difference as Difference };
}

async function rangesOf(
  graph: Graph,
  { calibration, card }: NetworkExport,
  inputOf: (pictures: Uint8Array) => ModelInput,
): Promise<Ranges | undefined> {
  if (!calibration) return undefined;
  const { batches, count } = calibration;
  const inputs = async function* () {
    for await (const bytes of batches(picturesAtOnce(card.input))) yield inputOf(bytes);
  };
  return await measureRanges(graph, inputs(), count);
}

/** How many pictures of a size are computed together: few large ones, whose maps take much memory. */
export const picturesAtOnce = ({ height, width }: { readonly height: number; readonly width: number }): number =>
  Math.max(1, Math.min(64, Math.floor(64 ** 3 / (height * width))));

/** `4.8e-6 of 9.3` */
export const shownDifference = ({ largest, scale }: Difference): string =>
  `${largest.toExponential(1)} of ${Number(scale.toPrecision(3))}`;

function requireNear(difference: Difference, most: number, { to, pictures }: NetworkExport): void {
  if (difference.relative <= most) return;
  throw new UserError(
    `${to} was not kept: on ${pictures.title} its ${difference.output} differs by ${shownDifference(difference)} from the network's own, more than ${most} of it.`,
    1,
  );
}

function requireFinite(results: Readonly<Record<string, Float32Array>>, file: string, { title }: Pictures): void {
  const wrong = Object.entries(results).find(([, values]) => !values.every(Number.isFinite));
  if (wrong) throw new UserError(`${file} cannot be exported: its ${wrong[0]} of ${title} is not finite.`, 1);
}
