import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { readCommandArguments } from '../experiment/command-arguments';
import { explain } from '../experiment/failure';
import { partOf } from '../nn/network-parts';
import { UserError } from '../system/user-error';
import { readNetwork } from '../train/load-network';
import { exportedWeights, exportNetwork } from '../weights/export-weights';

const usage = `Writes a network for other programs, with the names and layout of its reference in PyTorch.
npx nx run core:export --from=CHECKPOINT --to=student.pth
  --from=FILE  a checkpoint of ours (last.safetensors, best.safetensors), or another program's weights
  --to=FILE    .pth or .pt: as torch.save would write its state dict; .safetensors: the same names, read without pickle
  --force      write over a file that is there`;

const options = {
  help: { type: 'boolean' },
  from: { type: 'string' },
  to: { type: 'string' },
  force: { type: 'boolean' },
} as const;

/** Returns the exit code: 0 done, 1 the file cannot be read or written, 2 wrong usage. */
export function main(argv: readonly string[], print: (line: string) => void): number {
  try {
    const given = readCommandArguments(argv, options);
    if (given.flag('help')) {
      print(usage);
      return 0;
    }
    const [stray] = given.names;
    if (stray !== undefined) throw new UserError(`'${stray}' is no option: write --from=FILE --to=FILE`);
    const from = given.text('from', "a checkpoint's path");
    const to = given.text('to', 'where to write, ending in .pth, .pt or .safetensors');
    if (from === undefined) throw new UserError("--from is missing: a checkpoint's path");
    if (to === undefined) throw new UserError('--to is missing: where to write, ending in .pth, .pt or .safetensors');
    if (existsSync(to) && !given.flag('force'))
      throw new UserError(`--to: ${to} is there already; --force replaces it`);
    const network = readNetwork(from);
    exportNetwork(to, network);
    const weights = exportedWeights(network);
    const numbers = [...weights.values()].reduce((sum, { values }) => sum + values.length, 0);
    const { backbone, inputSize, classes } = network.description;
    print(`${to}: ${backbone} for images of ${inputSize} pixels and ${classes} classes`);
    print(`${weights.size} tensors, ${numbers} numbers (batch norms' statistics included)`);
    print(`In PyTorch: ${loading(to, [...weights.keys()])}`);
    return 0;
  } catch (error) {
    const { message, exitCode } = explain(error, 'the file');
    console.error(message);
    return exitCode;
  }
}

/** The line that loads the file: strictly, unless it has more than the reference's network takes. */
function loading(file: string, names: readonly string[]): string {
  const name = JSON.stringify(file);
  const read =
    extname(file) === '.safetensors'
      ? `safetensors.torch.load_file(${name})`
      : `torch.load(${name}, weights_only=True)`;
  // Training and sharing a head add parts to a network that no reference has.
  const more = [...new Set(names.map(partOf))].filter((part) => part !== 'backbone' && part !== 'head');
  if (more.length === 0) return `model.load_state_dict(${read})`;
  return `model.load_state_dict(${read}, strict=False), which leaves out ${more.join(', ')}`;
}

if (require.main === module) process.exitCode = main(process.argv.slice(2), console.log);
