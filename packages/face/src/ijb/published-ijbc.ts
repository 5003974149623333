import type { IjbFar } from './protocol/ijb-result';

/** A published IJB-C result: TAR at FAR, 0 to 1. */
export interface PublishedIjbc {
  readonly method: string;
  readonly model: string;
  /** Undefined if the source does not say. */
  readonly trainedOn?: string;
  readonly tar: Partial<Readonly<Record<IjbFar, number>>>;
  readonly source: string;
}

const paper = 'arXiv 2201.06945, table 4';
const msV3 = 'MS1M-V3';
// https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch
const insightface = "insightface's arcface_torch";

function fromPaper(method: string, model: string, tar: PublishedIjbc['tar']): PublishedIjbc {
  return { method, model, trainedOn: msV3, tar, source: paper };
}

/** Results of other papers, quoted in the paper's table. */
function quotedByPaper(method: string, at5: number, at4: number): PublishedIjbc {
  return { method, model: 'MobileFaceNet', tar: { '1e-5': at5, '1e-4': at4 }, source: `${paper}, from other papers` };
}

function fromInsightface(model: string, trainedOn: string, at4: number, at5: number): PublishedIjbc {
  return { method: 'ArcFace', model, trainedOn, tar: { '1e-5': at5, '1e-4': at4 }, source: insightface };
}

/** IJB-C results from the paper's own table, and of models by the most common public implementation. */
export const publishedIjbc: readonly PublishedIjbc[] = [
  fromPaper('teacher', 'R100', { '1e-6': 0.9149, '1e-5': 0.9552, '1e-4': 0.97 }),
  fromPaper('teacher, SH-KD', 'R100', { '1e-6': 0.9088, '1e-5': 0.9558, '1e-4': 0.9703 }),
  fromPaper('no distillation', 'MobileFaceNet', { '1e-6': 0.8872, '1e-5': 0.9275, '1e-4': 0.9542 }),
  fromPaper('L2E', 'MobileFaceNet', { '1e-6': 0.8847, '1e-5': 0.9349, '1e-4': 0.9548 }),
  fromPaper('TH-KD', 'MobileFaceNet', { '1e-6': 0.8982, '1e-5': 0.935, '1e-4': 0.9548 }),
  fromPaper('SH-KD', 'MobileFaceNet', { '1e-6': 0.9024, '1e-5': 0.9373, '1e-4': 0.9564 }),
  quotedByPaper('Martinez', 0.922, 0.947),
  quotedByPaper('L2E+ES', 0.932, 0.9539),
  quotedByPaper('L2E+IS', 0.9325, 0.9549),
  fromInsightface('MobileFaceNet', 'MS1M-V2', 0.9361, 0.9028),
  fromInsightface('MobileFaceNet', msV3, 0.9423, 0.9133),
  fromInsightface('MobileFaceNet', 'Glint360K', 0.9504, 0.9262),
  fromInsightface('R50', 'MS1M-V2', 0.9597, 0.9407),
  fromInsightface('R50', msV3, 0.9637, 0.9447),
  fromInsightface('R50', 'Glint360K', 0.9716, 0.9581),
  fromInsightface('R100', 'MS1M-V2', 0.9637, 0.9427),
  fromInsightface('R100', msV3, 0.9685, 0.9502),
  fromInsightface('R100', 'Glint360K', 0.9755, 0.9638),
];
