/** What an ONNX file that `core:export` wrote says of itself beyond its graph. */
import { type Card, cardKey } from 'headshare-student/card';
import { onnxMetadata } from 'headshare-student/onnx-metadata';
import { parseCard } from 'headshare-student/parse-card';
import { heads } from '../../nn/registry';
import type { ExternalTensor } from '../external-tensor';
import type { Refuse } from '../refusal';
import { Constant } from './constant';
import type { OnnxGraph } from './model';

/** The card in a file; undefined for files of other programs. */
export function exportedCard(bytes: Uint8Array): Card | undefined {
  try {
    const text = onnxMetadata(bytes).get(cardKey);
    return text === undefined ? undefined : parseCard(text);
  } catch {
    // The reader of the graph reports damage.
    return undefined;
  }
}

export interface ExportedHead {
  readonly name: string;
  /** The class centres [classes, embedding], of length 1. */
  readonly weight: ExternalTensor;
  /** The factor of its cosines. */
  readonly scale: number;
}

/** The margin head of an exported network, whose logits are cosines times a scale; undefined for other heads and outputs. */
export function exportedHead({ nodes, tensors }: OnnxGraph, card: Card, refuse: Refuse): ExportedHead | undefined {
  const { head, embeddingSize, classes } = card.network;
  if (!heads.names.includes(head) || heads.named(head).published === undefined) return undefined;
  const product = nodes.findLast(({ op, inputs }) => {
    const shape = tensors.get(inputs[1] ?? '')?.shape;
    return op === 'MatMul' && shape?.[0] === embeddingSize && shape[1] === classes;
  });
  const logits = nodes.find(({ outputs }) => outputs[0] === 'logits');
  const scaled = nodes.find(({ op, outputs }) => op === 'Mul' && outputs[0] === logits?.inputs[0]);
  const factor = scaled?.inputs.map((name) => tensors.get(name)).find((tensor) => tensor !== undefined);
  const centres = tensors.get(product?.inputs[1] ?? '');
  if (!centres || !factor) return undefined;
  const [scale] = factor.values();
  return { name: head, weight: transposed(centres, refuse), scale: scale ?? 1 };
}

/** [rows, columns] -> [columns, rows] */
function transposed(tensor: ExternalTensor, refuse: Refuse): ExternalTensor {
  const [rows = 0, columns = 0] = tensor.shape;
  const turned = () => {
    const values = tensor.values();
    return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
  };
  return new Constant([columns, rows], false, 'logits', turned).tensor(refuse);
}
