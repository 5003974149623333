import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { integer } from '../experiment/option';
import { UserError } from '../system/user-error';

export const dataActions = ['check', 'example', 'pack', 'verify'] as const;
export type DataAction = (typeof dataActions)[number];

export interface DataArguments {
  readonly help: boolean;
  readonly action: DataAction;
  readonly data?: string;
  readonly kind?: string;
  readonly out?: string;
  readonly cache?: string;
  readonly sheet?: string;
  readonly sample?: number;
  readonly shardMegabytes?: number;
  readonly whole: boolean;
}

const options = {
  help: { type: 'boolean' },
  whole: { type: 'boolean' },
  data: { type: 'string' },
  kind: { type: 'string' },
  out: { type: 'string' },
  cache: { type: 'string' },
  sheet: { type: 'string' },
  sample: { type: 'string' },
  'shard-megabytes': { type: 'string' },
} as const;

/** @throws UserError for an unknown action or option, with the nearest name, and for an invalid value */
export function readDataArguments(argv: readonly string[], kinds: readonly string[]): DataArguments {
  const parsed = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const { values, positionals } = parsed;
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) {
      throw new UserError(
        `unknown option ${token.rawName}; did you mean --${closest(token.name, Object.keys(options))}?`,
      );
    }
    const isFlag = options[token.name as keyof typeof options].type === 'boolean';
    if (isFlag && token.value !== undefined)
      throw new UserError(`${token.rawName} takes no value, got '${token.value}'`);
  }
  const [word = 'check', extra] = positionals;
  const action = dataActions.find((it) => it === word);
  if (!action) {
    throw new UserError(
      `unknown action '${word}'; did you mean '${closest(word, dataActions)}'? (valid: ${dataActions.join(', ')})`,
    );
  }
  if (extra !== undefined) throw new UserError(`'${extra}' is no option: write --name=value`);
  const text = (name: keyof typeof options): string | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value === '') throw new UserError(`--${name} needs a value`);
    return value;
  };
  const count = (name: 'sample' | 'shard-megabytes'): number | undefined => {
    const value = text(name);
    return value === undefined ? undefined : integer({ min: 1, help: '' }).parse(value, `--${name}`);
  };
  const kind = text('kind');
  if (kind !== undefined && !kinds.includes(kind)) {
    throw new UserError(
      `--kind: unknown value '${kind}'; did you mean '${closest(kind, kinds)}'? (valid: ${kinds.join(', ')})`,
    );
  }
  return {
    help: values.help === true,
    action,
    data: text('data'),
    kind,
    out: text('out'),
    cache: text('cache'),
    sheet: text('sheet'),
    sample: count('sample'),
    shardMegabytes: count('shard-megabytes'),
    whole: values.whole === true,
  };
}
