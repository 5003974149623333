import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../system/user-error';

/** What a command that is no experiment takes: flags, and options that want a value. */
export type CommandOptions = Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>;

export interface CommandArguments<O extends CommandOptions> {
  /** Whether a flag is given. */
  flag(name: keyof O & string): boolean;
  /** The option's text; undefined where it is not given. @param valid what it must be, for the error where it has none */
  text(name: keyof O & string, valid: string): string | undefined;
  /** What stands there besides options. */
  readonly names: readonly string[];
}

/**
 * Reads the command line of a command.
 * @throws UserError for an unknown option, with the nearest name, and for a flag with a value
 */
export function readCommandArguments<const O extends CommandOptions>(
  argv: readonly string[],
  options: O,
): CommandArguments<O> {
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options: { ...options },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const known = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!known) {
      const near = closest(token.name, Object.keys(options));
      throw new UserError(`unknown option ${token.rawName}; did you mean --${near}?`);
    }
    if (known.type === 'boolean' && token.value !== undefined) {
      throw new UserError(`${token.rawName} takes no value, got '${token.value}'`);
    }
  }
  return {
    names: positionals,
    flag: (name) => values[name] === true,
    text(name, valid) {
      const value = values[name];
      // parseArgs gives true where an option that wants a value has none.
      if (value !== undefined && (typeof value !== 'string' || value === '')) {
        throw new UserError(`--${name} needs a value: ${valid}`);
      }
      return value as string | undefined;
    },
  };
}

/** @throws UserError for a name that is not among `known`, with the nearest. @param kind what they are: 'network' */
export function requireNames(names: readonly string[], known: readonly string[], kind: string): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new UserError(
    `unknown ${kind} '${unknown}'; did you mean '${closest(unknown, known)}'? (valid: ${known.join(', ')})`,
  );
}
