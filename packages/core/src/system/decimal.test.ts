import fc from 'fast-check';
import { decimal } from './decimal';

test.each([
  ['12', 12],
  ['+12', 12],
  ['-0.5', -0.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['1E-3', 0.001],
  ['-0', 0],
  ['1e400', Number.POSITIVE_INFINITY],
])('%s is a number', (text, value) => {
  expect(decimal(text)).toBe(value);
});

test.each([
  '',
  ' ',
  ' 5',
  '5 ',
  '5\n',
  '1_000',
  '1,5',
  '0x10',
  '0b1',
  '1n',
  '５',
  '٣',
  'NaN',
  'Infinity',
  '-',
  '.',
  'e3',
  '1e',
  '--1',
])('%j is none', (text) => {
  expect(decimal(text)).toBeUndefined();
});

test('every number that JavaScript prints is read back', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(decimal(String(value))).toBe(value + 0);
    }),
  );
});
