import { type Option, optional, text } from './option';

/** `--state-dict`: which of several networks in a file of another program; see `findStateDict`. */
export const stateDictOption = (): Option<string | undefined> =>
  optional(
    text({ placeholder: 'NAME', help: 'which network in a file of weights: ema, model, a key or prefix' }),
    'the trained one',
  );
