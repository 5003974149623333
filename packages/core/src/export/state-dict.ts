/** Writes a network's weights alone, for PyTorch. */
import { extname } from 'node:path';
import { partOf } from '../nn/network-parts';
import { exportedWeights, exportNetwork } from '../weights/export-weights';
import type { DescribedWeights } from '../weights/network-from-weights';

export function exportWeights(to: string, network: DescribedWeights, print: (line: string) => void): void {
  exportNetwork(to, network);
  const weights = exportedWeights(network);
  const numbers = [...weights.values()].reduce((sum, { values }) => sum + values.length, 0);
  const { backbone, inputSize, classes } = network.description;
  const what = network.lacksHead ? ', without a classifier' : ` and ${classes} classes`;
  print(`${to}: ${backbone} for images of ${inputSize} pixels${what}`);
  print(`${weights.size} tensors, ${numbers} numbers (batch norms' statistics included)`);
  print(`In PyTorch: ${loadingLine(to, [...weights.keys()])}`);
}

/** The Python line that loads the file: strict, unless the file has parts that the reference's network lacks. */
function loadingLine(file: string, names: readonly string[]): string {
  const path = JSON.stringify(file);
  const read =
    extname(file) === '.safetensors'
      ? `safetensors.torch.load_file(${path})`
      : `torch.load(${path}, weights_only=True)`;
  const added = [...new Set(names.map(partOf))].filter((part) => part !== 'backbone' && part !== 'head');
  if (added.length === 0) return `model.load_state_dict(${read})`;
  return `model.load_state_dict(${read}, strict=False), which leaves out ${added.join(', ')}`;
}
