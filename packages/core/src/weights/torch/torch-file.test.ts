import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dictOf, handMadeTorchFile, tensor, text } from '../../../test/hand-made-torch';
import { UserError } from '../../system/user-error';
import type { ExternalTensor } from '../external-tensor';
import { inMemory } from '../file-bytes';
import { withFile } from '../refusal';
import { readWeightsFile } from '../weights-file';
import { NumpyArray } from './numpy-globals';
import { PickleRecord, Tuple } from './pickle-values';
import { readTorchFile } from './torch-file';
import { zipParts } from './zip-writer';

const fixture = (name: string) => join(__dirname, '../../../fixtures/torch', name);
const named = (name: string) =>
  withFile(fixture(name), (bytes) => readTorchFile(fixture(name), bytes)) as Map<string, unknown>;
const counting = (count: number) => Array.from({ length: count }, (_, index) => index);

const kinds: readonly [name: string, type: string, shape: readonly number[], values: readonly number[]][] = [
  ['half', 'float16', [5], [1.5, -65504, 2 ** -24, Number.POSITIVE_INFINITY, 0.333251953125]],
  ['bfloat', 'bfloat16', [3], [1.5, -3.00405527047391e38, 9.183549615799121e-41]],
  ['float', 'float32', [2, 2], [1, 2, 3, 4]],
  ['double', 'float64', [2], [Math.fround(0.1), Number.POSITIVE_INFINITY]],
  ['long', 'int64', [2], [7, -(2 ** 40)]],
  ['int', 'int32', [1], [-5]],
  ['short', 'int16', [1], [-300]],
  ['char', 'int8', [1], [-3]],
  ['byte', 'uint8', [1], [255]],
  ['bool', 'bool', [2], [1, 0]],
  ['scalar', 'float32', [], [2.5]],
  ['empty', 'float32', [0, 3], []],
  ['transposed', 'float32', [3, 2], [0, 3, 1, 4, 2, 5]],
  ['shared', 'float32', [3], [4, 6, 8]],
  ['shared too', 'float32', [2, 2], [6, 9, 12, 15]],
  ['whole', 'float32', [24], counting(24)],
  ['channels last', 'float32', [1, 2, 3, 4], counting(24)],
  ['parameter', 'float32', [1], [9]],
];

test.each(['kinds.pth', 'kinds-old.pth', 'kinds-protocol5.pth'])(
  '%s of PyTorch: every type, views, shared storages, scalars, nothing',
  (name) => {
    const read = [...(named(name) as Map<string, ExternalTensor>)];
    expect(read.map(([key, one]) => [key, one.type.name, one.shape, [...one.values()]])).toEqual(kinds);
  },
);

test('types that PyTorch saves as bytes keep their names', () => {
  const one = named('untyped.pth').get('u16') as ExternalTensor;
  expect([one.type.name, [...one.values()]]).toEqual(['uint16', [65535]]);
});

test.each(['checkpoint.pth', 'checkpoint-old.pth'])(
  "%s of a trainer: NumPy's numbers are numbers, arguments a record, the optimiser and its schedule dicts",
  (name) => {
    const content = named(name);
    expect(content.get('best_acc')).toBe(71.25);
    expect(content.get('best_acc5')).toBe(91.5);
    expect(content.get('names')).toEqual(new Set(['a', 'b']));
    expect(content.get('shape')).toEqual(new Tuple([1, 2]));
    const options = content.get('opt') as PickleRecord;
    expect([options.type, options.state]).toEqual([
      'argparse.Namespace',
      new Map<string, unknown>([
        ['model', 'x'],
        ['lr', 0.1],
        ['epochs', [1, 2]],
      ]),
    ]);
    expect(content.get('device')).toBeInstanceOf(PickleRecord);
    const confusion = content.get('confusion') as NumpyArray;
    expect(confusion).toBeInstanceOf(NumpyArray);
    expect([confusion.shape, confusion.type?.name, confusion.data.length]).toEqual([[2, 3], 'int16', 12]);
    const scheduler = content.get('scheduler') as Map<string, unknown>;
    expect(scheduler.get('milestones')).toEqual(
      new Map([
        [150, 1],
        [180, 1],
      ]),
    );
  },
);

const read = (bytes: Buffer) => readTorchFile('net.pth', inMemory(bytes));
const refused = (bytes: Buffer, why: string) => {
  expect(() => read(bytes)).toThrow(UserError);
  expect(() => read(bytes)).toThrow(`net.pth cannot be read as a PyTorch file: ${why}`);
};

test('offset and strides give each number of a tensor', () => {
  const storage = Buffer.from(Float32Array.from(counting(12)).buffer);
  const pickle = dictOf('w', tensor({ shape: [2, 3], strides: [1, 4], offset: 1 }, 12));
  const one = (read(handMadeTorchFile(`\x80\x02${pickle}.`, [storage])) as Map<string, ExternalTensor>).get('w');
  expect([...(one?.values() ?? [])]).toEqual([1, 5, 9, 2, 6, 10]);
});

test('zip64 archives and comments are read', () => {
  const bytes = handMadeTorchFile('\x80\x02}.');
  const commented = Buffer.concat([bytes, Buffer.from('hello')]);
  commented.writeUInt16LE(5, bytes.length - 2);
  expect(read(commented)).toEqual(new Map());
  // The fixtures of PyTorch are zip64 themselves.
  expect(readFileSync(fixture('kinds.pth')).includes('PK\x06\x06')).toBe(true);
});

test('sizes and positions of 8 bytes are read', () => {
  const bytes = handMadeTorchFile('\x80\x02}.');
  const at = bytes.lastIndexOf('PK\x01\x02');
  const end = bytes.lastIndexOf('PK\x05\x06');
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  for (const [index, field] of [24, 20, 42].entries()) {
    extra.writeBigUInt64LE(BigInt(bytes.readUInt32LE(at + field)), 4 + 8 * index);
    bytes.writeUInt32LE(0xffffffff, at + field);
  }
  bytes.writeUInt16LE(extra.length, at + 30);
  bytes.writeUInt32LE(end - at + extra.length, end + 12);
  expect(read(Buffer.concat([bytes.subarray(0, end), extra, bytes.subarray(end)]))).toEqual(new Map());
});

test('numbers of another byte order are refused', () => {
  const pickle = Buffer.from('\x80\x02}.', 'latin1');
  const big = zipParts([
    ['archive/data.pkl', pickle],
    ['archive/byteorder', Buffer.from('big')],
  ]);
  refused(Buffer.concat(big), 'its numbers are in big-endian order');
});

test('a changed byte of a weight is an error', () => {
  const bytes = handMadeTorchFile(`\x80\x02${dictOf('w', tensor({ shape: [1], strides: [1] }, 1))}.`, [
    Buffer.from('abcd'),
  ]);
  bytes.write('abce', bytes.indexOf('abcd'));
  refused(bytes, 'the bytes of its entry archive/data/0 do not match their checksum');
});

test('a missing file and a file of another kind are refused', () => {
  expect(() => readWeightsFile('/nowhere/net.pth')).toThrow(/^\/nowhere\/net\.pth cannot be read: ENOENT/);
  refused(Buffer.from('hello'), 'it does not start like one');
});

test("Lightning's dict of settings is a dict", () => {
  const settings = `cpytorch_lightning.utilities.parsing\nAttributeDict\n)\x81${text('lr')}K\x01s.`;
  expect(readTorchFile('x', inMemory(handMadeTorchFile(settings)))).toEqual(new Map([['lr', 1]]));
});
