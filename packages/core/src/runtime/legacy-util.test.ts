import { createRequire } from 'node:module';
import { restoreLegacyUtil } from './legacy-util';

const util = createRequire(__filename)('util') as {
  isNullOrUndefined?: (value: unknown) => boolean;
  isArray: (value: unknown) => boolean;
};

test('gives tfjs-node the two functions it calls, on every Node', () => {
  delete util.isNullOrUndefined;
  restoreLegacyUtil();
  restoreLegacyUtil();

  expect([null, undefined, 0, '', Number.NaN].map((value) => util.isNullOrUndefined?.(value))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect([[], { length: 0 }, 'a'].map((value) => util.isArray(value))).toEqual([true, false, false]);
});
