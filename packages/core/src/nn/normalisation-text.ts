/** Normalisations as options and messages write them: a name, or MEAN/STD. */
import { didYouMean } from '../system/did-you-mean';
import { cifar100, imagenet, type Normalisation, sphereface, symmetric } from './normalisation';

export const normalisations: Readonly<Record<string, Normalisation>> = { symmetric, cifar100, imagenet, sphereface };

const example = '127.5/128, or 0.485,0.456,0.406/0.229,0.224,0.225';

/**
 * Reads a name, or `MEAN/STD`: one number each, or one for red, green and blue. The numbers are in units of pixels from 0 to 255;
 * in units of pixels from 0 to 1 where all of them are at most 1.
 * @param refuse makes the error of a sentence's second half
 */
export function parseNormalisation(text: string, refuse: (why: string) => Error): Normalisation {
  if (!text.includes('/')) {
    const known = Object.hasOwn(normalisations, text) ? normalisations[text] : undefined;
    if (known) return known;
    throw refuse(`unknown value '${text}'; ${didYouMean(text, Object.keys(normalisations))}, or MEAN/STD: ${example}`);
  }
  const parts = text.split('/');
  const numbers = parts.map((part) => part.split(',').map(decimal));
  const [mean = [], deviation = []] = numbers;
  const isList = (list: readonly number[]) => (list.length === 1 || list.length === 3) && list.every(Number.isFinite);
  if (parts.length !== 2 || !isList(mean) || !isList(deviation)) {
    throw refuse(`'${text}' is not MEAN/STD, with a number each or three for red, green, blue: ${example}`);
  }
  if (mean.some((value) => value < 0 || value > 255)) throw refuse(`'${text}' has a mean that is not from 0 to 255`);
  if (deviation.some((value) => !(value > 0 && value <= 1e6))) {
    throw refuse(`'${text}' divides by a number that is not above 0 and at most 1000000`);
  }
  const unit = whiteOf(mean, deviation);
  if (typeof unit === 'string') throw refuse(`'${text}' ${unit}`);
  const colours = (list: readonly number[]): Normalisation['mean'] => {
    const [red, green = red, blue = red] = list.map((value) => value / unit) as [number, number?, number?];
    return [red, green, blue];
  };
  return { mean: colours(mean), deviation: colours(deviation) };
}

/** The value of a white pixel, or why it is unclear. */
function whiteOf(mean: readonly number[], deviation: readonly number[]): 1 | 255 | string {
  const isShare = [...mean, ...deviation].every((value) => value <= 1);
  const isLevel = mean.every((value) => value === 0 || value >= 1) && deviation.every((value) => value >= 1);
  if (isShare && isLevel) {
    return 'has two meanings: 0/255 gives a network numbers from 0 to 1, 0/0.00392156862745 numbers from 0 to 255';
  }
  if (isShare) return 1;
  if (isLevel) return 255;
  return 'mixes numbers for pixels from 0 to 1, which are all at most 1, with numbers for pixels from 0 to 255';
}

/** Decimal notation only: Number('') is 0. */
const decimal = (text: string): number =>
  /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;

/** The shortest text that `parseNormalisation` reads as this normalisation. */
export function normalisationName(normalisation: Normalisation = symmetric): string {
  const same = (other: Normalisation) => JSON.stringify(other) === JSON.stringify(normalisation);
  const known = Object.entries(normalisations).find(([, one]) => same(one));
  if (known) return known[0];
  const texts = [255, 1].flatMap((unit) => {
    const text = [normalisation.mean, normalisation.deviation].map((list) => colours(list, unit)).join('/');
    return isRead(text, normalisation) ? [text] : [];
  });
  return texts.sort((a, b) => a.length - b.length)[0] ?? `${normalisation.mean}/${normalisation.deviation}`;
}

function colours(list: readonly number[], unit: number): string {
  // Division by 255 and multiplication round the last digits.
  const shown = list.map((value) => String(Number((value * unit).toPrecision(12))));
  return new Set(shown).size === 1 ? (shown[0] as string) : shown.join(',');
}

function isRead(text: string, { mean, deviation }: Normalisation): boolean {
  try {
    const read = parseNormalisation(text, (why) => new Error(why));
    const pairs = [...mean, ...deviation].map((value, i) => [value, [...read.mean, ...read.deviation][i] as number]);
    return pairs.every(([value = 0, other = 0]) => Math.abs(value - other) <= 1e-9 * Math.abs(value));
  } catch {
    return false;
  }
}
