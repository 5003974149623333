/**
 * A model as a flatbuffer (schema.fbs). The builder writes the tables alone: numbers of tensors follow them in the file, where
 * they lie already, so that a model is not held in memory twice.
 */
import { Builder, type Offset } from 'flatbuffers';
import type { Bytes } from '../../runtime/compile/protobuf';
import { bytesOf } from '../../system/bytes-of';
import { UserError } from '../../system/user-error';
import { type Field, type Options, schemaVersion, type TensorType, tensorTypes } from './schema';

export interface TfliteTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: TensorType;
  /** Absent for values that operators compute. */
  readonly data?: Bytes;
  /** Of int8: value = scale times number, with a scale for each index along `axis`. */
  readonly quantisation?: { readonly scales: Float32Array; readonly axis: number };
}

export interface TfliteOperator {
  readonly code: number;
  readonly version: number;
  /** The places of its tensors in the model's list. */
  readonly inputs: readonly number[];
  readonly output: number;
  readonly options?: Options | undefined;
}

/** A tensor by the name that users give it. */
export interface TfliteEndpoint {
  readonly name: string;
  readonly tensor: number;
}

export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly input: TfliteEndpoint;
  readonly outputs: readonly TfliteEndpoint[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The name of the one signature, as TensorFlow's converter gives it. */
export const signatureKey = 'serving_default';

/** What the numbers of a tensor are aligned to in the file. */
const alignment = 16;
/** The offsets of a flatbuffer have 32 bits, and readers take them for signed. */
const largest = 2 ** 31 - 1;

/** @throws UserError for a model of more than 2 GB */
export function encodeModel(model: TfliteModel): readonly Bytes[] {
  const tables = new Tables();
  const texts = Object.entries(model.metadata).map(([name, text]) => ({ name, data: Buffer.from(text, 'utf8') }));
  const data = [...model.tensors.flatMap((tensor) => tensor.data ?? []), ...texts.map((text) => text.data)];
  tables.finish(modelTable(model, tables, data.length, texts));
  return tables.withData(data);
}

/** @param stored the number of buffers, of which the last ones are those of the metadata */
function modelTable(
  { tensors, operators, input, outputs }: TfliteModel,
  tables: Tables,
  stored: number,
  metadata: readonly { readonly name: string }[],
): Offset {
  // Buffer 0 is that of tensors without one.
  const buffers = [tables.table(), ...Array.from({ length: stored }, () => tables.laterData())];
  let buffer = 0;
  const tensorTables = tensors.map((tensor) => tensorTable(tensor, tensor.data ? ++buffer : 0, tables));
  const codes = [...new Map(operators.map((operator) => [codeKey(operator), operator])).keys()];
  const operatorTables = operators.map((operator) => operatorTable(operator, codes.indexOf(codeKey(operator)), tables));
  const subgraph = tables.table(
    [0, tables.offsets(tensorTables)],
    [1, tables.integers([input.tensor])],
    [2, tables.integers(outputs.map(({ tensor }) => tensor))],
    [3, tables.offsets(operatorTables)],
    [4, tables.text('main')],
  );
  const endpoint = ({ name, tensor }: TfliteEndpoint) => tables.table([0, tables.text(name)], [1, 'int32', tensor]);
  const signature = tables.table(
    [0, tables.offsets([endpoint(input)])],
    [1, tables.offsets(outputs.map(endpoint))],
    [2, tables.text(signatureKey)],
  );
  const entries = metadata.map(({ name }, i) =>
    tables.table([0, tables.text(name)], [1, 'int32', stored - metadata.length + 1 + i]),
  );
  const codeTables = codes.map((key) => {
    const [code, version] = key.split(' ').map(Number) as [number, number];
    // The first field is that of readers from when codes had 7 bits.
    return tables.table([0, 'int8', Math.min(code, 127)], [2, 'int32', version], [3, 'int32', code]);
  });
  return tables.table(
    [0, 'int32', schemaVersion],
    [1, tables.offsets(codeTables)],
    [2, tables.offsets([subgraph])],
    [3, tables.text('headshare')],
    [4, tables.offsets(buffers)],
    [6, tables.offsets(entries)],
    [7, tables.offsets([signature])],
  );
}

const codeKey = ({ code, version }: TfliteOperator): string => `${code} ${version}`;

function tensorTable({ name, shape, type, quantisation }: TfliteTensor, buffer: number, tables: Tables): Offset {
  const quantised = quantisation && [
    4,
    tables.table(
      [2, tables.floats(quantisation.scales)],
      [3, tables.zeros(quantisation.scales.length)],
      [6, 'int32', quantisation.axis],
    ),
  ];
  return tables.table(
    [0, tables.integers(shape)],
    [1, 'int8', tensorTypes[type]],
    [2, 'int32', buffer],
    [3, tables.text(name)],
    ...(quantised ? [quantised as [number, Offset]] : []),
    [8, 'int8', 1],
  );
}

function operatorTable({ inputs, output, options }: TfliteOperator, code: number, tables: Tables): Offset {
  return tables.table(
    [0, 'int32', code],
    [1, tables.integers(inputs)],
    [2, tables.integers([output])],
    ...(options
      ? ([
          [3, 'int8', options.member],
          [4, tables.table(...options.fields)],
        ] as const)
      : []),
  );
}

/** Writes tables and vectors, each after what it holds. */
class Tables {
  private readonly builder = new Builder(1 << 16);
  /** Where the offsets of data are, from the builder's end. */
  private readonly later: number[] = [];

  constructor() {
    // So that no field is left out for having a default.
    this.builder.forceDefaults(true);
  }

  text(value: string): Offset {
    return this.builder.createString(value);
  }

  integers(values: readonly number[]): Offset {
    return this.vector(4, values, (value) => this.builder.addInt32(value));
  }

  floats(values: Float32Array): Offset {
    return this.vector(4, Array.from(values), (value) => this.builder.addFloat32(value));
  }

  /** A vector of 64-bit zeros. */
  zeros(count: number): Offset {
    return this.vector(8, new Array<number>(count).fill(0), () => this.builder.addInt64(0n));
  }

  offsets(values: readonly Offset[]): Offset {
    return this.vector(4, values, (value) => this.builder.addOffset(value));
  }

  private vector(size: number, values: readonly number[], add: (value: number) => void): Offset {
    this.builder.startVector(size, values.length, size);
    for (const value of values.toReversed()) add(value);
    return this.builder.endVector();
  }

  table(...fields: readonly (Field | readonly [slot: number, offset: Offset])[]): Offset {
    const { builder } = this;
    builder.startObject(fields.reduce((most, [slot]) => Math.max(most, slot + 1), 0));
    for (const field of fields) {
      if (field.length === 2) builder.addFieldOffset(field[0], field[1], 0);
      else if (field[1] === 'int8') builder.addFieldInt8(field[0], field[2], 0);
      else if (field[1] === 'int32') builder.addFieldInt32(field[0], field[2], 0);
      else builder.addFieldFloat32(field[0], field[2], 0);
    }
    return builder.endObject();
  }

  /** A table Buffer, whose offset to its data is known at the end. */
  laterData(): Offset {
    this.builder.startObject(1);
    this.builder.addFieldInt32(0, 0, 0);
    this.later.push(this.builder.offset());
    return this.builder.endObject();
  }

  finish(model: Offset): void {
    this.builder.finish(model, 'TFL3');
  }

  /** The file: the tables, and behind them the data of each `laterData` as a vector. */
  withData(data: readonly Bytes[]): readonly Bytes[] {
    const tables = this.builder.asUint8Array();
    const view = new DataView(tables.buffer, tables.byteOffset, tables.byteLength);
    const parts: Bytes[] = [tables];
    let end = tables.length;
    for (const [i, bytes] of data.entries()) {
      // A vector's length stands before its first element, which is what is aligned.
      const start = Math.ceil((end + 4) / alignment) * alignment;
      const before = new DataView(new ArrayBuffer(start - end));
      before.setUint32(before.byteLength - 4, bytes.length, true);
      const field = tables.length - (this.later[i] as number);
      view.setUint32(field, start - 4 - field, true);
      parts.push(bytesOf(before), bytes);
      end = start + bytes.length;
    }
    if (end > largest) {
      throw new UserError(
        `The model takes ${(end / 1e9).toFixed(1)} GB, and a .tflite file holds 2 GB at most: --weights=float16 halves it, ONNX has no such limit`,
        1,
      );
    }
    return parts;
  }
}
