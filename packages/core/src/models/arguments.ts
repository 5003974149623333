import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { integer } from '../experiment/option';
import { backbones } from '../nn/registry';
import { UserError } from '../runtime/user-error';

export interface ModelsArguments {
  readonly help: boolean;
  readonly json: boolean;
  /** Names or aliases of backbones; none for all. */
  readonly names: readonly string[];
  readonly inputSize?: number;
  readonly classes?: number;
}

const options = {
  help: { type: 'boolean' },
  json: { type: 'boolean' },
  'input-size': { type: 'string' },
  classes: { type: 'string' },
} as const;

const numbers = {
  'input-size': integer({ min: 1, max: 1024, help: '' }),
  classes: integer({ min: 1, help: '' }),
};

/** @throws UserError for an unknown option or network, with the nearest name, and for an invalid value */
export function readArguments(argv: readonly string[]): ModelsArguments {
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) {
      const near = closest(token.name, Object.keys(options));
      throw new UserError(`unknown option ${token.rawName}; did you mean --${near}?`);
    }
    const isFlag = options[token.name as keyof typeof options].type === 'boolean';
    if (isFlag && token.value !== undefined)
      throw new UserError(`${token.rawName} takes no value, got '${token.value}'`);
  }
  for (const name of positionals) {
    if (backbones.names.includes(name)) continue;
    throw new UserError(
      `unknown network '${name}'; did you mean '${closest(name, backbones.names)}'? (valid: ${backbones.names.join(', ')})`,
    );
  }
  const number = (name: keyof typeof numbers): number | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    // parseArgs gives true where an option that wants a value has none.
    if (typeof value !== 'string') throw new UserError(`--${name} needs a value: ${numbers[name].valid}`);
    return numbers[name].parse(value, `--${name}`);
  };
  return {
    help: values.help === true,
    json: values.json === true,
    names: positionals,
    inputSize: number('input-size'),
    classes: number('classes'),
  };
}
