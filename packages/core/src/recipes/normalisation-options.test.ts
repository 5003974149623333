import { imagenet, sphereface, symmetric } from '../nn/normalisation';
import { externalNormalisation, externalNormalisationOption, normalisationOption } from './normalisation-options';

const own = normalisationOption('of networks trained here');
const external = externalNormalisationOption('of weights');

test('texts that mean the same are one value, and so one run key', () => {
  for (const text of ['127.5/128', '127.50,127.5,127.5/128.0', 'sphereface']) {
    expect(own.parse(text, '--normalisation')).toBe('sphereface');
    expect(external.parse(`bgr:${text}`, '--teacher-normalisation')).toBe('bgr:sphereface');
  }
  expect(own.check('104.5,117,123/58', '')).toBe('104.5,117,123/58');
  for (const text of ['reference', 'bgr:reference', 'imagenet']) expect(external.check(text, '')).toBe(text);
});

test('errors name the option', () => {
  expect(() => own.parse('bgr:0.5/0.5', '--normalisation')).toThrow(
    '--normalisation: networks that are trained here take RGB',
  );
  expect(() => own.parse('reference', '--normalisation')).toThrow(/^--normalisation: unknown value 'reference'/);
  expect(() => external.parse('bgr:1/0', '--teacher-normalisation')).toThrow(
    /^--teacher-normalisation: '1\/0' divides/,
  );
  expect(() => external.check(3, '--teacher-normalisation')).toThrow(
    /^--teacher-normalisation must be one of reference/,
  );
});

test('numbers after bgr: are those of blue, green and red; names mean colours', () => {
  expect(externalNormalisation('reference')).toEqual({});
  expect(externalNormalisation('bgr:reference')).toEqual({ colours: 'BGR' });
  expect(externalNormalisation('sphereface')).toEqual({ normalisation: sphereface });
  expect(externalNormalisation('bgr:imagenet')).toEqual({ normalisation: imagenet, colours: 'BGR' });
  expect(externalNormalisation('bgr:symmetric')).toEqual({ normalisation: symmetric, colours: 'BGR' });
  expect(externalNormalisation('bgr:51,102,153/1')).toEqual({
    normalisation: { mean: [0.6, 0.4, 0.2], deviation: [1 / 255, 1 / 255, 1 / 255] },
    colours: 'BGR',
  });
});
