/** Python's own globals in pickles of data, for lists of allowed globals. */
import { itemsOf, type Make, type PickleContext, type PickleGlobals } from './pickle-values';

/** An empty dict, or one of pairs or of another dict. */
export function makeDict([from, ...rest]: readonly unknown[], context: PickleContext): Map<unknown, unknown> {
  const pairs = from instanceof Map ? [...from] : from === undefined ? [] : itemsOf(from);
  if (!pairs || rest.length > 0) throw context.refuse('its pickle makes a dict of something else');
  context.spend(pairs.length);
  return new Map(
    pairs.map((pair) => {
      const [key, value, ...more] = itemsOf(pair) ?? [];
      if (value === undefined || more.length > 0) throw context.refuse('its pickle makes a dict of something else');
      return [key, value];
    }),
  );
}

function set([from = [], ...rest]: readonly unknown[], context: PickleContext): Set<unknown> {
  const items = itemsOf(from);
  if (!items || rest.length > 0) throw context.refuse('its pickle makes a set of something else');
  context.spend(items.length);
  return new Set(items);
}

/** `_codecs.encode(text, 'latin1')`: bytes in protocol 2. */
const encode: Make = ([text, encoding], context) => {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) {
    throw context.refuse('its pickle makes bytes of something else than Latin-1 text');
  }
  context.copy(text.length);
  return Buffer.from(text, 'latin1');
};

/** Empty bytes, or the result of `_codecs.encode`. */
const bytes: Make = ([from = Buffer.alloc(0), ...rest], context) => {
  if (!Buffer.isBuffer(from) || rest.length > 0) throw context.refuse('its pickle makes bytes of something else');
  return from;
};

export const pythonGlobals: PickleGlobals = new Map<string, Make | 'record' | 'name'>([
  ['collections.OrderedDict', makeDict],
  ['collections.Counter', makeDict],
  ['builtins.dict', makeDict],
  ['builtins.set', set],
  ['builtins.frozenset', set],
  ['builtins.bytes', bytes],
  ['builtins.bytearray', bytes],
  ['_codecs.encode', encode],
  ['argparse.Namespace', 'record'],
  ['types.SimpleNamespace', 'record'],
  ['pathlib.PosixPath', 'record'],
  ['pathlib.PurePosixPath', 'record'],
  ['pathlib.WindowsPath', 'record'],
]);
