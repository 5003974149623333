/** Workers share a training only if all would train the same: the same options, sources and data. */
import type { Member } from '../cluster/member';
import { UserError } from '../system/user-error';
import { flagName } from './option';
import type { RunIdentity } from './store';

const board = 'run';

/**
 * Home says what it runs; the others compare.
 * @throws UserError that names what differs from home's
 */
export async function requireSameRun(member: Member, identity: RunIdentity): Promise<void> {
  if (member.isHome) {
    member.post(board, identity);
    return;
  }
  const differs = difference(identity, (await member.read(board)) as RunIdentity);
  if (differs !== undefined) {
    throw new UserError(`This worker runs something else than the first one: ${differs}.`, 1);
  }
}

/** What differs between two runs, the first thing found; undefined: nothing. */
export function difference(own: RunIdentity, home: RunIdentity): string | undefined {
  if (own.experiment !== home.experiment) return `${own.experiment} here, ${home.experiment} there`;
  for (const [stage, values] of Object.entries(own.options)) {
    const theirs = home.options[stage] ?? {};
    for (const name of new Set([...Object.keys(values), ...Object.keys(theirs)])) {
      const [here, there] = [values[name], theirs[name]].map((value) => JSON.stringify(value) ?? 'not given');
      if (here !== there) return `${flagName(name)} is ${here} here, ${there} there`;
    }
  }
  for (const path of new Set([...Object.keys(own.files ?? {}), ...Object.keys(home.files ?? {})])) {
    if (own.files?.[path] !== home.files?.[path]) return `${path} has other contents`;
  }
  if (own.device !== home.device) return `TF_DEVICE is ${own.device} here, ${home.device} there`;
  if (own.data !== home.data)
    return "the package's data differ; --verify-data compares their contents instead of times";
  if (own.sources !== home.sources) return 'the sources differ: check out the same commit everywhere';
  return undefined;
}
