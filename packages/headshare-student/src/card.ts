/** What an exported model says of itself, so that its file alone suffices to use it rightly. */

/** A photo's way to the network's input, before the model. */
export interface Preparation {
  /**
   * aligned-face: five points of a face (eyes, nose, corners of the mouth) are warped to their places in insightface's template
   * of 112 x 112, or of a multiple of it. resize: the shorter side is resized to `resize`, and the centre is cut out. none: the
   * images of the data have the input's size.
   */
  readonly kind: 'aligned-face' | 'resize' | 'none';
  /** The length of the shorter side before the centre is cut out; or two sides that the picture just covers. */
  readonly resize?: number | { readonly height: number; readonly width: number };
}

/** A threshold for cosines: pairs at least so similar count as the same person. */
export interface Threshold {
  /** The false accept rate that was asked for: the share of pairs of different people that pass. */
  readonly far: number;
  readonly threshold: number;
  /** The false accept rate that the threshold has on the pairs that it was measured on. */
  readonly reachedFar: number;
  /** The share of pairs of the same person that pass. */
  readonly tar: number;
  /** Whether there were pairs enough for this rate; numbers from too few of them mean little. */
  readonly measurable: boolean;
}

export interface Thresholds {
  /** The network from which the model was made, before its weights were rounded; absent: this model itself. */
  readonly of?: 'float32';
  /** The images and pairs that they were measured on. */
  readonly data: string;
  readonly pairs: { readonly genuine: number; readonly impostor: number };
  /** Whether embeddings were those of image and mirror image together, as `mirror` of the card says. */
  readonly mirror: boolean;
  /** Both images embedded by this model. */
  readonly own: readonly Threshold[];
  /** One image embedded by this model, the other one by its teacher, in the same way. */
  readonly teacher?: readonly Threshold[];
}

export const inputForms = ['bytes', 'pixels-nchw', 'normalised-nchw'] as const;

/**
 * bytes: uint8 RGB [batch, height, width, 3], normalisation inside. pixels-nchw: float32 RGB 0..255 [batch, 3, height, width],
 * normalisation inside. normalised-nchw: float32 RGB [batch, 3, height, width], as (pixel / 255 - mean) / deviation.
 */
export type InputForm = (typeof inputForms)[number];

export const outputNames = ['embedding', 'logits', 'probabilities'] as const;
export type OutputName = (typeof outputNames)[number];

export interface Card {
  /** The version of this record; a reader accepts the ones it knows. */
  readonly version: 1;
  readonly madeBy: 'headshare';
  /** The network, as a checkpoint's metadata describes it. */
  readonly network: {
    readonly backbone: string;
    readonly head: string;
    readonly width: number;
    readonly embeddingSize: number;
    readonly classes: number;
    readonly parameters: number;
  };
  readonly input: {
    readonly name: string;
    readonly form: InputForm;
    readonly height: number;
    readonly width: number;
    readonly colours: 'RGB';
    /** (x / 255 - mean) / deviation, a number for each colour; inside the model but for the form normalised-nchw. */
    readonly mean: readonly [number, number, number];
    readonly deviation: readonly [number, number, number];
    readonly preparation: Preparation;
  };
  readonly outputs: readonly OutputName[];
  /** Whether the embedding is that of image and mirror image together, of length 1. */
  readonly mirror: boolean;
  /** Whether the embedding was mapped to the teacher's space. */
  readonly teacherSpace: boolean;
  /** How the weights are stored. */
  readonly weights: string;
  /** Activations in 8 bits, and the pictures on which their ranges were measured; absent: float32. */
  readonly activations?: { readonly type: 'int8'; readonly pictures: string };
  /** The names of the classes in the order of the logits, where they have names. */
  readonly classNames?: readonly string[];
  readonly task?: 'face' | 'classification';
  /** The run that made the network. */
  readonly run?: { readonly key: string; readonly title: string; readonly mlflow?: string };
  readonly teacher?: { readonly backbone: string; readonly run?: string };
  /** Metrics of the run at its end, of its network in float32. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** The metrics that this model itself has, where `--judge` measured a model of rounded weights. */
  readonly measured?: Readonly<Record<string, number>>;
  readonly thresholds?: Thresholds;
  /** Why numbers mean nothing: `a smoke profile`, `synthetic faces`. */
  readonly caution?: string;
}

/** The key of the card in a file's metadata. */
export const cardKey = 'headshare';

export const cardText = (card: Card): string => JSON.stringify(card);
