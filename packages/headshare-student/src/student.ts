import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { Card, OutputName } from './card';
import { mirrored, type Picture, type PictureSource } from './picture';
import { prepare } from './prepare';
import { unit } from './similarity';

/** What is used of onnxruntime-web. */
export type Runtime = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor' | 'env'>;

export interface EmbedOptions {
  /**
   * Adds the embedding of the mirror image. Default: as the thresholds of the file were measured, which hold for such
   * embeddings alone; faces without thresholds: true.
   */
  readonly mirror?: boolean;
}

export interface ClassScore {
  /** The number of the class, from 0. */
  readonly index: number;
  /** Its name, or its number where the file has no names. */
  readonly name: string;
  /** 0 to 1. */
  readonly probability: number;
}

/** An embedding for each picture: of `[left, right]` two, so that both have names. */
export type Embeddings<P extends readonly unknown[]> = { -readonly [K in keyof P]: Float32Array };

/** A loaded student. */
export interface Student {
  readonly card: Card;
  readonly engine: string;
  /**
   * Embeddings of pictures in one batch; for faces of length 1. Pictures are prepared by `prepare`.
   * @throws Error if the file gives no embedding, or a picture does not fit
   */
  embed<const P extends readonly PictureSource[]>(pictures: P, options?: EmbedOptions): Promise<Embeddings<P>>;
  /** The most probable classes of a picture, best first. @throws Error if the file gives no logits or probabilities */
  classify(picture: PictureSource, count?: number): Promise<ClassScore[]>;
  /**
   * An output for pictures of the input's size, without any preparation: a row for each.
   * @throws Error if the file lacks the output
   */
  run(pictures: readonly Picture[], output: OutputName): Promise<Float32Array[]>;
  /** Frees the memory of the engine. */
  close(): Promise<void>;
}

export function createStudent(ort: Runtime, session: InferenceSession, card: Card, engine: string): Student {
  // An onnxruntime session runs one batch at a time.
  let last: Promise<unknown> = Promise.resolve();
  const run = (pictures: readonly Picture[], output: OutputName): Promise<Float32Array[]> => {
    if (!card.outputs.includes(output)) {
      throw new Error(
        `The file gives ${card.outputs.join(', ')}, and no ${output}: export it with --outputs=${output}`,
      );
    }
    if (closed) throw new Error('This student is closed');
    const next = last.then(async () => {
      const { [output]: result } = await session.run({ [card.input.name]: inputTensor(ort, card, pictures) }, [output]);
      return rows((result as Tensor).data as Float32Array, pictures.length);
    });
    last = next.catch(() => undefined);
    return next;
  };
  const faces = card.task === 'face';
  const asMeasured = card.thresholds?.mirror ?? faces;
  let closed = false;
  return {
    card,
    engine,
    run,
    embed: async <const P extends readonly PictureSource[]>(sources: P, { mirror = asMeasured }: EmbedOptions = {}) => {
      if (!Array.isArray(sources)) throw new Error('embed takes a list of pictures: embed([picture])');
      const pictures = sources.map((source) => prepare(source, card));
      if (!mirror || card.mirror) {
        return (await run(pictures, 'embedding')).map((row) => (faces ? unit(row) : row)) as Embeddings<P>;
      }
      const both = await run([...pictures, ...pictures.map(mirrored)], 'embedding');
      const sums = pictures.map((_, i) => {
        const turned = both[pictures.length + i] as Float32Array;
        return (both[i] as Float32Array).map((value, k) => value + (turned[k] as number));
      });
      return (faces ? sums.map(unit) : sums) as Embeddings<P>;
    },
    classify: async (source, count = 5) => {
      const gives = (output: OutputName) => card.outputs.includes(output);
      const known = gives('logits') && !gives('probabilities') ? 'logits' : 'probabilities';
      const [row] = await run([prepare(source, card)], known);
      const values = known === 'logits' ? softmax(row as Float32Array) : (row as Float32Array);
      const scores = [...values].map(
        (probability, index): ClassScore => ({ index, name: card.classNames?.[index] ?? String(index), probability }),
      );
      return scores.sort((a, b) => b.probability - a.probability).slice(0, count);
    },
    close: async () => {
      closed = true;
      await last;
      await session.release();
    },
  };
}

function rows(values: Float32Array, count: number): Float32Array[] {
  const length = values.length / count;
  return Array.from({ length: count }, (_, i) => values.slice(i * length, (i + 1) * length));
}

function softmax(logits: Float32Array): Float32Array {
  const largest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function inputTensor(ort: Runtime, { input }: Card, pictures: readonly Picture[]): Tensor {
  const { height, width, form, mean, deviation } = input;
  if (pictures.length === 0) throw new Error('There is no picture');
  const size = height * width * 3;
  for (const picture of pictures) {
    if (picture.width === width && picture.height === height) continue;
    throw new Error(`A picture of ${picture.width} x ${picture.height} pixels, for a network of ${width} x ${height}`);
  }
  if (form === 'bytes') {
    const bytes = new Uint8Array(pictures.length * size);
    for (const [i, { pixels }] of pictures.entries()) bytes.set(pixels, i * size);
    return new ort.Tensor('uint8', bytes, [pictures.length, height, width, 3]);
  }
  const values = new Float32Array(pictures.length * size);
  const plane = height * width;
  for (const [i, { pixels }] of pictures.entries()) {
    for (let colour = 0; colour < 3; colour++) {
      const [m, d] = form === 'normalised-nchw' ? [mean[colour] as number, deviation[colour] as number] : [0, 1 / 255];
      const from = i * size + colour * plane;
      for (let k = 0; k < plane; k++) values[from + k] = ((pixels[k * 3 + colour] as number) / 255 - m) / d;
    }
  }
  return new ort.Tensor('float32', values, [pictures.length, 3, height, width]);
}
