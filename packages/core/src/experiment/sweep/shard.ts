import { UserError } from '../../system/user-error';
import { type Option, optional, text } from '../option';

/** One machine's part of a sweep. */
export interface Shard {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/** `2/4` */
export const shardText = ({ index, count }: Shard): string => `${index}/${count}`;

const part = text({
  help: "train this machine's part of the sweep, such as 2/4 on the second of four",
  placeholder: 'I/N',
});
const check = (value: unknown, name: string): string => shardText(parseShard(value, name));

/** `--shard=2/4`. It is in the key of the sweep, since each shard reports its own trainings, but in no training's key. */
export const shardOption: Option<string | undefined> = optional({ ...part, check, parse: check }, 'all of it');

/** @throws UserError for anything else than `1/N` to `N/N` */
function parseShard(value: unknown, name: string): Shard {
  const [, index = 0, count = 0] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(String(value))?.map(Number) ?? [];
  if (index > 0 && index <= count) return { index, count };
  const parts = count > 1 ? `from 1/${count} to ${count}/${count}` : 'such as 2/4 for the second of four machines';
  throw new UserError(`${name} must be one part of several, ${parts}, got ${value === '' ? 'nothing' : value}`);
}

/** The shard of a checked value; undefined for a whole sweep, which `1/1` is too. */
export function shardOf(value: string | undefined): Shard | undefined {
  if (value === undefined) return undefined;
  const shard = parseShard(value, '--shard');
  return shard.count === 1 ? undefined : shard;
}
