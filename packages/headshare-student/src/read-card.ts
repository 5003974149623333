import { type Card, cardKey } from './card';
import { onnxMetadata } from './onnx-metadata';
import { parseCard } from './parse-card';
import { tfliteMetadata } from './tflite-metadata';

/**
 * The card of a file that `core:export` wrote, .onnx or .tflite: for applications that run it themselves, as with LiteRT.js.
 * @throws Error in one sentence if it is neither, is cut short, or was not written by headshare
 */
export function readCard(bytes: Uint8Array): Card {
  const kind = isTflite(bytes) ? '.tflite' : 'ONNX';
  const text = (kind === 'ONNX' ? onnxMetadata : tfliteMetadata)(bytes).get(cardKey);
  if (text === undefined) {
    throw new Error(`This ${kind} file has no card: its metadata lack "${cardKey}", which headshare's export writes`);
  }
  return parseCard(text);
}

export const isTflite = (bytes: Uint8Array): boolean => new TextDecoder().decode(bytes.subarray(4, 8)) === 'TFL3';
