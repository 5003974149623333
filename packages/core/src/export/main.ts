import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { command } from '../experiment/command';
import { flag, text } from '../experiment/option';
import { partOf } from '../nn/network-parts';
import { UserError } from '../system/user-error';
import { readNetwork } from '../train/networks/load-network';
import { exportedWeights, exportNetwork } from '../weights/export-weights';

export const main = command(
  {
    summary: 'Write a network for other programs, with the names and layout of its PyTorch reference',
    usage: 'core:export --from=CHECKPOINT --to=student.pth',
    maxWords: 0,
    options: {
      from: text({
        placeholder: 'FILE',
        valid: "a checkpoint's path",
        help: 'last.safetensors, best.safetensors or weights from elsewhere',
      }),
      to: text({
        placeholder: 'FILE',
        valid: 'where to write, ending in .pth, .pt or .safetensors',
        help: '.pth or .pt: a state dict of torch.save; .safetensors: the same names, without pickle',
      }),
      force: flag({ help: 'replace an existing file' }),
    },
  },
  ({ from, to, force }, _, print) => {
    if (existsSync(to) && !force) throw new UserError(`--to: ${to} exists; --force replaces it`);
    const network = readNetwork(from);
    exportNetwork(to, network);
    const weights = exportedWeights(network);
    const numbers = [...weights.values()].reduce((sum, { values }) => sum + values.length, 0);
    const { backbone, inputSize, classes } = network.description;
    print(`${to}: ${backbone} for images of ${inputSize} pixels and ${classes} classes`);
    print(`${weights.size} tensors, ${numbers} numbers (batch norms' statistics included)`);
    print(`In PyTorch: ${loadingLine(to, [...weights.keys()])}`);
  },
);

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

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
