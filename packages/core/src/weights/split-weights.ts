/** Weights in several files, with an index of their tensors, as Hugging Face's libraries write them. */
import { basename, dirname, join } from 'node:path';
import { isRecord } from '../system/is-record';
import { type ExternalTensor, isExternalTensor } from './external-tensor';
import { readBytes, refusal, shown } from './refusal';

/** By the name: `model.safetensors.index.json`, `pytorch_model.bin.index.json`. */
export const isIndex = (file: string): boolean => file.toLowerCase().endsWith('.index.json');

/** The tensors in all files that an index lists. @param read reads one of them
 * @throws UserError when the index is malformed, or a part is missing */
export function readParts(index: string, read: (file: string) => unknown): Map<string, ExternalTensor> {
  const refuse = refusal(index, 'an index of weights');
  const places = placesIn(readBytes(index));
  if (!places) throw refuse('it has no weight_map of tensors and files');
  const tensors = new Map<string, ExternalTensor>();
  for (const part of new Set(places.values())) {
    if (part !== basename(part) || isIndex(part)) throw refuse(`it lists ${shown(part)}, which is no file beside it`);
    const content = read(join(dirname(index), part));
    if (!(content instanceof Map)) throw refuse(`its part ${shown(part)} holds no dict of tensors`);
    for (const [name, tensor] of content as Map<unknown, unknown>) {
      if (typeof name !== 'string' || !isExternalTensor(tensor)) continue;
      if (tensors.has(name)) throw refuse(`two of its parts hold ${shown(name)}`);
      tensors.set(name, tensor);
    }
  }
  const lacking = [...places.keys()].find((name) => !tensors.has(name));
  if (lacking !== undefined) throw refuse(`${shown(places.get(lacking) ?? '')} lacks ${shown(lacking)}`);
  return tensors;
}

function placesIn(bytes: Buffer): Map<string, string> | undefined {
  try {
    const index: unknown = JSON.parse(bytes.toString('utf8'));
    const map = isRecord(index) ? index.weight_map : undefined;
    const places = isRecord(map) ? Object.entries(map) : [];
    if (places.length > 0 && places.every(([, part]) => typeof part === 'string')) {
      return new Map(places as [string, string][]);
    }
  } catch {
    // Not JSON: the caller's error says so.
  }
  return undefined;
}
