import { parseArgs } from 'node:util';
import { UserError } from '@headshare/core/system/user-error';
import { closest } from 'fastest-levenshtein';

export const syncUsage = `Sends what the journals of runs still hold to MLFLOW_TRACKING_URI or the workspace's own server.
What was sent before is not sent again. A run whose process was killed ends as KILLED, or as FINISHED where its result
is there; it may still go on.
npx nx run tools:sync [options]
  --run=FOLDER  the run, or the runs, in this folder instead of all under runs/
  --restore     sends again the runs that the server has no more, as after its data were lost; those in MLflow's bin
                stay there`;

const options = { run: { type: 'string' }, restore: { type: 'boolean' }, help: { type: 'boolean' } } as const;

export interface SyncOptions {
  readonly run?: string;
  readonly restore: boolean;
  readonly help: boolean;
}

/** @throws UserError for what is no option, with the nearest name, and for one without its value, or with one it has not */
export function readSyncOptions(argv: readonly string[]): SyncOptions {
  const parsed = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  for (const token of parsed.tokens) {
    if (token.kind === 'positional') throw new UserError(`'${token.value}' is no option: write --run=${token.value}`);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) {
      const nearest = closest(token.name, Object.keys(options));
      throw new UserError(`unknown option ${token.rawName}; did you mean --${nearest}?`);
    }
    if (token.name !== 'run' && token.value !== undefined) throw new UserError(`--${token.name} takes no value`);
  }
  const { run, restore, help } = parsed.values;
  if (run !== undefined && (typeof run !== 'string' || run === '')) {
    throw new UserError("--run needs a value: a run's folder");
  }
  return { ...(run !== undefined && { run }), restore: restore === true, help: help === true };
}
