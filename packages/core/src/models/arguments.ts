import { readCommandArguments, requireNames } from '../experiment/command-arguments';
import { integer } from '../experiment/option';
import { backbones } from '../nn/registry';

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
  const given = readCommandArguments(argv, options);
  requireNames(given.names, backbones.names, 'network');
  const number = (name: keyof typeof numbers): number | undefined => {
    const value = given.text(name, numbers[name].valid);
    return value === undefined ? undefined : numbers[name].parse(value, `--${name}`);
  };
  return {
    help: given.flag('help'),
    json: given.flag('json'),
    names: given.names,
    inputSize: number('input-size'),
    classes: number('classes'),
  };
}
