import { extname } from 'node:path';
import { toTorch } from '../nn/torch-layout';
import type { NamedValues } from '../runtime/state';
import { UserError } from '../system/user-error';
import { writeAtomically } from '../system/write-atomically';
import { descriptionKey, referenceHead } from './exported-description';
import type { DescribedWeights } from './network-from-weights';
import { safetensorsParts } from './safetensors';
import { requireSound } from './sound-values';
import { writeTorchFile } from './torch/torch-writer';

/**
 * A network's tensors with the names and layout of its PyTorch reference, for `load_state_dict`. A margin head becomes its class
 * centres; a projection, which no reference has, keeps its name. An untrained head is left out.
 */
export function exportedWeights({ description, tensors, lacksHead }: DescribedWeights): Map<string, NamedValues> {
  const layer = referenceHead(description);
  const own = [...tensors].filter(([name]) => !lacksHead || !name.startsWith('head.'));
  return new Map(own.map(([name, value]) => [name.replace(/^head\./, `${layer}.`), toTorch(value)]));
}

/**
 * Writes a network for other programs: `.pth` and `.pt` like torch.save of its state dict, `.safetensors` with the same names
 * and layout.
 * @throws UserError for another extension or weights that are no numbers, before anything is written, and when the file
 * cannot be written
 */
export function exportNetwork(file: string, network: DescribedWeights): void {
  for (const [name, values] of network.tensors) requireSound(file, name, values);
  const kind = extname(file);
  // The description promises a head.
  const about: Record<string, string> = network.lacksHead
    ? {}
    : { [descriptionKey]: JSON.stringify(network.description) };
  if (kind === '.pth' || kind === '.pt') writeTorchFile(file, exportedWeights(network), about);
  // `format: pt` tells other readers that the layout is PyTorch's.
  else if (kind === '.safetensors')
    writeAtomically(file, safetensorsParts(exportedWeights(network), { format: 'pt', ...about }));
  else throw new UserError(`${file} ends in neither .pth, .pt nor .safetensors, so there is no format to write it in.`);
}
