import type { Card } from 'headshare-student/card';
import type { Bytes } from '../runtime/compile/protobuf';
import type { Graph } from './graph';
import type { Ranges } from './ranges';
import type { WeightType } from './weights';

/** A file of an exported model: its path in the model's folder, and its content part by part, texts in UTF-8. */
export interface ModelFile {
  readonly path: string;
  readonly parts: readonly (Bytes | string)[];
}

export interface WriteOptions {
  readonly weights: WeightType;
  /** The ranges of activations, for a format that stores them in 8 bits. */
  readonly ranges?: Ranges | undefined;
  /** The name of the target without its folders, for formats whose files name one another: `student.onnx`. */
  readonly name: string;
}

/** Values for a model's input, with all sizes. */
export interface ModelInput {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array;
}

/** An exported model in the engine that reads its format. */
export interface LoadedModel {
  /** The outputs by name, row by row. */
  run(input: ModelInput): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

/** A format of exported models. To add one, add a file to delivery/formats that exports it by default. */
export interface Format {
  /** The value of `--format`: `onnx`. */
  readonly name: string;
  /** One line for the help. */
  readonly summary: string;
  /** `.onnx`, or '/' for a folder. */
  readonly ending: string;
  /** The paths of all that a folder of it may hold, folders too. */
  readonly contents?: readonly string[];
  readonly weights: readonly WeightType[];
  /** Whether it can store activations in 8 bits. */
  readonly storesActivations?: boolean;
  /**
   * The files of a model: one whose path is `options.name` and perhaps others beside it, or those of a folder.
   * @throws UserError for a layer that the format lacks
   */
  write(graph: Graph, card: Card, options: WriteOptions): readonly ModelFile[];
  /** Loads a model from its file or folder, to check it. */
  load(path: string, graph: Pick<Graph, 'input'>): Promise<LoadedModel>;
}
