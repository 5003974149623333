/** The key of the card in ONNX's metadata. */
export const cardKey = 'headshare';

export const inputLayouts = ['bytes', 'pixels-nchw', 'normalised-nchw'] as const;
/**
 * bytes: uint8 RGB [batch, height, width, 3]. pixels-nchw: float32 RGB [batch, 3, height, width], 0 to 255.
 * normalised-nchw: the same, normalised by the caller. In the first two the file normalises.
 */
export type InputLayout = (typeof inputLayouts)[number];

export const studentOutputs = ['embedding', 'logits', 'probabilities'] as const;
export type StudentOutput = (typeof studentOutputs)[number];

/** A pair is taken for the same person if its cosine is at least `threshold`; measured on the run's verification pairs. */
export interface MeasuredThreshold {
  /** The share of impostor pairs that pass, 0 to 1: what was asked for. */
  readonly far: number;
  readonly threshold: number;
  /** The share of genuine pairs that pass, 0 to 1. */
  readonly tar: number;
}

/** How a picture becomes the network's input. */
export type Preparation =
  /** Resizes the picture so that it just covers this size, and crops the centre. */
  | { readonly kind: 'centre-crop'; readonly cover: { readonly height: number; readonly width: number } }
  /** The picture has the input's size already: a crop of a face, aligned by five points. */
  | { readonly kind: 'aligned-face' };

/** What an exported student's file says of itself. */
export interface StudentCard {
  readonly version: 1;
  readonly task: 'classification' | 'verification';
  readonly backbone: string;
  readonly embeddingSize: number;
  readonly input: {
    readonly name: string;
    readonly layout: InputLayout;
    readonly height: number;
    readonly width: number;
    readonly colours: 'RGB';
    /** For each colour, where black is 0 and white 1. */
    readonly mean: readonly number[];
    readonly deviation: readonly number[];
  };
  readonly preparation: Preparation;
  readonly outputs: readonly StudentOutput[];
  /** The file embeds each picture together with its mirror image. */
  readonly mirror: boolean;
  /** Names of the classes, in the order of the logits. */
  readonly classes?: readonly string[];
  readonly thresholds?: {
    /** Both pictures embedded by this network. */
    readonly self: readonly MeasuredThreshold[];
    /** One picture embedded by its teacher, the other by this network. */
    readonly teacher?: readonly MeasuredThreshold[];
  };
  readonly run?: { readonly key?: string; readonly method?: string; readonly teacher?: string };
  /** Why the numbers say nothing about real pictures, such as synthetic training data. */
  readonly caution?: string;
}
