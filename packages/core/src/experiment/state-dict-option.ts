import { type Option, optional, text } from './option';

/** The options that give files of weights, by the role of the network in the command. */
type FilesByRole = Readonly<Record<string, readonly string[]>>;

/**
 * `--state-dict`: which of several networks in a file of another program; see `findStateDict`.
 * @param files one of these must be given; default: the command always reads a file
 */
export const stateDictOption = (files: FilesByRole = {}): Option<string | undefined> => {
  const roles = Object.keys(files);
  const one = roles.at(-1);
  const forOne = one === undefined ? '' : `; or ${one}:ema`;
  const option = text({
    placeholder: 'NAME',
    help: `network in a file of weights: ema, a key or prefix${forOne}`,
  });
  const needs = (given: unknown) => {
    const named = roles.filter((role) => namesByRole(`${given}`, roles)?.has(role));
    return named.length > 0 ? named.map((role) => files[role] ?? []) : [roles.flatMap((role) => files[role] ?? [])];
  };
  return optional({ ...option, ...(one !== undefined && { needs }) }, 'the trained one');
};

/**
 * The name for the file of one role. `teacher:ema,student:model` gives each file its own; any other text is one name for all.
 * @param roles all roles of the command that have files
 */
export function stateDictOf(given: string | undefined, role: string, roles: readonly string[]): string | undefined {
  const names = given === undefined ? undefined : namesByRole(given, roles);
  return names ? names.get(role) : given;
}

/** undefined for a text that is not `role:name` or a list of these. */
function namesByRole(given: string, roles: readonly string[]): ReadonlyMap<string, string> | undefined {
  const parts = given.split(',').map((part) => /^\s*(\w+):(.+)$/.exec(part));
  const names = parts.map((part) => [part?.[1] ?? '', part?.[2]?.trim() ?? ''] as const);
  return names.every(([role]) => roles.includes(role)) ? new Map(names) : undefined;
}
