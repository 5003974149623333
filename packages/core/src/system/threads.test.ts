import { wantedThreads } from './threads';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['1', 1],
  ['16', 16],
])('HEADSHARE_THREADS=%s is %s', (text, threads) => {
  expect(wantedThreads({ HEADSHARE_THREADS: text })).toBe(threads);
});

test.each(['0', '-1', '1.5', '0x2', 'all', ' ', '９', '1e9', '99999999999999999999', 'NaN'])(
  'HEADSHARE_THREADS=%s is refused',
  (text) => {
    expect(() => wantedThreads({ HEADSHARE_THREADS: text })).toThrow(
      `HEADSHARE_THREADS must be a whole number from 1 to 4096, got '${text}'.`,
    );
  },
);
