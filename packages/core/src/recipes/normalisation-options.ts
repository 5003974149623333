/** The options for the normalisation of images. */
import type { Option } from '../experiment/option';
import { normalisationName, normalisations, parseNormalisation } from '../nn/normalisation-text';
import { UserError } from '../system/user-error';
import type { WeightsHints } from '../weights/network-from-weights';

const names = Object.keys(normalisations);
const refuseFor = (option: string) => (why: string) => new UserError(`${option}: ${why}`);

/** The normalisation of networks that are trained here; its value is the shortest text of those that mean the same. */
export function normalisationOption(help: string): Option<string> {
  return option([...names, 'MEAN/STD'], 'symmetric', help, (value, name) => {
    if (value.startsWith(bgr)) throw refuseFor(name)('networks that are trained here take RGB');
    return normalisationName(parseNormalisation(value, refuseFor(name)));
  });
}

const reference = 'reference';
const bgr = 'bgr:';

/**
 * The normalisation of weights from elsewhere: `reference`, a name or numbers; for a network that takes BGR all of them after
 * `bgr:`, with numbers in that order.
 */
export function externalNormalisationOption(help: string): Option<string> {
  return option([reference, ...names, 'MEAN/STD', 'bgr:...'], reference, help, (value, name) => {
    const [colours, what] = value.startsWith(bgr) ? [bgr, value.slice(bgr.length)] : ['', value];
    if (what === reference) return value;
    return colours + normalisationName(parseNormalisation(what, refuseFor(name)));
  });
}

/** The facts that the value of `externalNormalisationOption` tells about weights. */
export function externalNormalisation(value: string): Pick<WeightsHints, 'normalisation' | 'colours'> {
  const isBgr = value.startsWith(bgr);
  const what = isBgr ? value.slice(bgr.length) : value;
  const colours = isBgr && ({ colours: 'BGR' } as const);
  if (what === reference) return { ...colours };
  const { mean, deviation } = parseNormalisation(what, refuseFor('normalisation'));
  // Names mean colours, numbers the network's channels.
  if (!isBgr || names.includes(what)) return { normalisation: { mean, deviation }, ...colours };
  const reversed = ([blue, green, red]: typeof mean): typeof mean => [red, green, blue];
  return { normalisation: { mean: reversed(mean), deviation: reversed(deviation) }, ...colours };
}

function option(
  choices: readonly string[],
  fallback: string,
  help: string,
  read: (value: string, name: string) => string,
): Option<string> {
  const valid = `one of ${choices.join(', ')}`;
  const check = (value: unknown, name: string): string => {
    if (typeof value === 'string') return read(value, name);
    throw new UserError(`${name} must be ${valid}, got ${String(value)}`);
  };
  return { kind: 'choice', help, default: fallback, required: false, valid, choices, parse: check, check };
}
