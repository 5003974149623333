import fc from 'fast-check';
import { inMemory } from './file-bytes';
import { refusal } from './refusal';
import { repeatedName } from './repeated-name';
import { isSafetensors, parseSafetensors } from './safetensors';

function file(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}
const parse = (bytes: Buffer) => parseSafetensors(inMemory(bytes), refusal('net.safetensors', 'safetensors'));

test.each([
  ['F16', 'float16', '003c00c2', [1, -3]],
  ['BF16', 'bfloat16', '803f40c0', [1, -3]],
  ['F32', 'float32', '0000803f', [1]],
  ['F64', 'float64', '000000000000f03f', [1]],
  ['I8', 'int8', 'fd', [-3]],
  ['U8', 'uint8', 'fd', [253]],
  ['I16', 'int16', 'fdff', [-3]],
  ['U16', 'uint16', 'fdff', [65533]],
  ['I32', 'int32', 'fdffffff', [-3]],
  ['U32', 'uint32', '00000080', [2 ** 31]],
  ['I64', 'int64', 'fdffffffffffffff', [-3]],
  ['U64', 'uint64', '0000000001000000', [2 ** 32]],
  ['BOOL', 'bool', '0100', [1, 0]],
])('%s is %s', (dtype, name, hex, values) => {
  const data = Buffer.from(hex, 'hex');
  const bytes = file({ w: { dtype, shape: [values.length], data_offsets: [0, data.length] } }, data);
  const w = parse(bytes).tensors.get('w');
  expect([w?.type.name, [...(w?.values() ?? [])]]).toEqual([name, values]);
  expect(isSafetensors(inMemory(bytes))).toBe(true);
});

test('tensors stand in any order in the header', () => {
  const entry = (from: number) => ({ dtype: 'U8', shape: [2], data_offsets: [from, from + 2] });
  const { tensors } = parse(file({ b: entry(2), a: entry(0) }, Buffer.of(1, 2, 3, 4)));
  expect([...(tensors.get('b')?.values() ?? [])]).toEqual([3, 4]);
});

test.each([
  ['F8_E4M3', 'its tensor w is 8-bit floats (F8_E4M3); known are F16, BF16'],
  ['toString', 'its tensor w is toString; known are'],
])('the type %s is refused', (dtype, why) => {
  expect(() => parse(file({ w: { dtype, shape: [1], data_offsets: [0, 1] } }, Buffer.of(0)))).toThrow(why);
});

test('gaps and overlaps of as many bytes are noticed', () => {
  const entry = (from: number) => ({ dtype: 'U8', shape: [2], data_offsets: [from, from + 2] });
  expect(() => parse(file({ a: entry(0), b: entry(0) }, Buffer.alloc(4)))).toThrow('its tensors overlap');
  expect(() => parse(file({ a: entry(0), b: entry(3) }, Buffer.alloc(5)))).toThrow(
    '1 bytes before b belong to no tensor',
  );
});

describe('a name that a header has twice', () => {
  const raw = (json: string, data: number) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
    return Buffer.concat([length, Buffer.from(json), Buffer.alloc(data)]);
  };
  const entry = '{"dtype":"U8","shape":[2],"data_offsets":[0,2]}';

  test.each([
    [`{"w":${entry},"w":${entry}}`, 'w'],
    [`{"w" : ${entry}, "\\u0077"\n:${entry}}`, 'w'],
    [`{"w":${entry.replace('"U8"', '"U8","dtype":"I8"')}}`, 'dtype'],
    [`{"__metadata__":{"a":"1","a":"2"},"w":${entry}}`, 'a'],
    [`{"__metadata__":{"a":"1"},"w":${entry},"__metadata__":{}}`, '__metadata__'],
    [`{"a\\"b":${entry},"a\\"b":${entry}}`, 'a"b'],
  ])('%s is refused', (json, name) => {
    expect(() => parse(raw(json, 2))).toThrow(`its header has ${name} twice`);
  });

  test('names that repeat in other objects, and within texts, are allowed', () => {
    const json = `{"__metadata__":{"w":"{\\"w\\":1,\\"w\\":2}","dtype":"w"},"w":${entry}}`;
    expect(parse(raw(json, 2)).tensors.size).toBe(1);
  });

  test('any object without repeated names is read, and any repeated one found', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        const json = JSON.stringify({ [name]: value });
        expect(repeatedName(json)).toBeUndefined();
        expect(repeatedName(`${json.slice(0, -1)},${json.slice(1)}`)).toBe(name);
      }),
    );
  });
});
