import fc from 'fast-check';
import { cifar100, imagenet, type Normalisation, sphereface, symmetric } from './normalisation';
import { normalisationName, parseNormalisation } from './normalisation-text';

const parse = (text: string) => parseNormalisation(text, (why) => new Error(why));

test.each([
  ['symmetric', symmetric],
  ['sphereface', sphereface],
  ['127.5/128', sphereface],
  ['127.5/127.5', symmetric],
  ['0.5/0.5', symmetric],
  ['127.5, 127.5, 127.5 / 128', sphereface],
  ['0.485,0.456,0.406/0.229,0.224,0.225', imagenet],
  ['.5071,.4867,.4408/.2675,.2565,.2761', cifar100],
  ['0/255', { mean: [0, 0, 0], deviation: [1, 1, 1] }],
  ['0/0.5', { mean: [0, 0, 0], deviation: [0.5, 0.5, 0.5] }],
  ['51,102,153/1', { mean: [0.2, 0.4, 0.6], deviation: [1 / 255, 1 / 255, 1 / 255] }],
  ['0/256', { mean: [0, 0, 0], deviation: [256 / 255, 256 / 255, 256 / 255] }],
] as [string, Normalisation][])('%s is read', (text, normalisation) => {
  expect(parse(text)).toEqual(normalisation);
});

test.each([
  [/unknown value 'sphereace'; did you mean 'sphereface'\?.*, or MEAN\/STD: 127\.5\/128, or 0\.485/, ['sphereace']],
  [/^unknown value/, ['', '127.5', 'toString', 'mean:127.5,std:128']],
  [/is not MEAN\/STD, with a number each or three for red, green, blue: /, ['/', '1/', '/1', '1,2/3', '1/2/3']],
  [/is not MEAN\/STD/, ['1;2;3/4', '0x10/128', 'NaN/1', '1e999/1', '1/Infinity', '1,2,3,4/5', ',,/1', 'a/b']],
  [/has a mean that is not from 0 to 255/, ['-1/128', '256/128', '1,2,300/5']],
  [/divides by a number that is not above 0/, ['127.5/0', '127.5/-128', '0.5/0.5,0,0.5', '1/1e7']],
  [/mixes numbers for pixels from 0 to 1, .* with numbers for pixels from 0 to 255/, ['0.5/128', '127.5/0.5']],
  [/mixes numbers/, ['0.485,0.456,0.406/58,57,57', '123,117,104/0.229,0.224,0.225']],
  [/'0\/1' has two meanings: 0\/255 gives a network numbers from 0 to 1, 0\/0\.0039/, ['0/1']],
] as [RegExp, string[]][])('refused: %s', (message, texts) => {
  for (const text of texts) expect(() => parse(text)).toThrow(message);
});

test('a name is the shortest text, and is read as the same numbers', () => {
  expect(normalisationName()).toBe('symmetric');
  expect(normalisationName(parse('0.485,0.456,0.406/0.229,0.224,0.225'))).toBe('imagenet');
  expect(normalisationName(parse('51,102,153/1'))).toBe('51,102,153/1');
  expect(normalisationName(parse('0.1/0.3'))).toBe('0.1/0.3');
  const level = fc.integer({ min: 1, max: 2550 }).map((tenths) => tenths / 10);
  const colours = (of: fc.Arbitrary<number>) => fc.tuple(of, of, of);
  const share = fc.integer({ min: 1, max: 9999 }).map((parts) => parts / 10_000);
  for (const [mean, deviation] of [
    [level.filter((value) => value >= 1), level.filter((value) => value > 1)],
    [share, share],
  ] as const) {
    fc.assert(
      fc.property(colours(mean), colours(deviation), (means, deviations) => {
        const text = `${means.join(',')}/${deviations.join(',')}`;
        const name = normalisationName(parse(text));
        expect(name.length).toBeLessThanOrEqual(Math.max(text.length, 'sphereface'.length));
        for (const part of ['mean', 'deviation'] as const) {
          for (const i of [0, 1, 2] as const) expect(parse(name)[part][i]).toBeCloseTo(parse(text)[part][i], 9);
        }
        expect(normalisationName(parse(name))).toBe(name);
      }),
    );
  }
});
