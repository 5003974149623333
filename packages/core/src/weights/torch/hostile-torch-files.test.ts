/** Files made to deceive: each is refused with a sentence, and nothing of it is run or made. */
import { deflateRawSync } from 'node:zlib';
import { dictOf, handMadeTorchFile, tensor, text, whole } from '../../../test/hand-made-torch';
import { UserError } from '../../system/user-error';
import { Cursor } from '../cursor';
import type { ExternalTensor } from '../external-tensor';
import { inMemory } from '../file-bytes';
import { refusal } from '../refusal';
import { findStateDict } from '../state-dict';
import { readPickle } from './pickle-operations';
import { pythonGlobals } from './python-globals';
import { readTorchFile } from './torch-file';
import { zipParts } from './zip-writer';

const read = (bytes: Buffer) => readTorchFile('net.pth', inMemory(bytes));
const refuse = refusal('net.pth', 'a PyTorch file');

function refused(act: () => unknown, why: string | RegExp): void {
  expect(act).toThrow(UserError);
  expect(act).toThrow(why);
}
const refusedPickle = (pickle: string, why: string | RegExp, storages?: readonly Uint8Array[]) =>
  refused(() => read(handMadeTorchFile(`\x80\x02${pickle}`, storages)), why);

describe("a pickle's forbidden globals are refused by name, whatever the operation", () => {
  const command = text('touch was-here');
  test.each([
    ['REDUCE', `cos\nsystem\n(${command}tR.`, 'os.system'],
    ['REDUCE of posix', `cposix\nsystem\n(${command}tR.`, 'posix.system'],
    ['REDUCE of eval', `cbuiltins\neval\n(${command}tR.`, 'builtins.eval'],
    ["REDUCE of Python 2's eval", `c__builtin__\neval\n(${command}tR.`, 'builtins.eval'],
    ['REDUCE of getattr', `cbuiltins\ngetattr\n(${command}tR.`, 'builtins.getattr'],
    ['INST', `(${command}ios\nsystem\n.`, 'os.system'],
    ['OBJ', `(cos\nsystem\n${command}o.`, 'os.system'],
    ['NEWOBJ', `csubprocess\nPopen\n(${command}t\x81.`, 'subprocess.Popen'],
    ['NEWOBJ_EX', `csubprocess\nPopen\n(${command}t}\x92.`, 'subprocess.Popen'],
    ['STACK_GLOBAL', `\x8c\x02os\x8c\x06system\x93(${command}tR.`, 'os.system'],
    ['BUILD', `cos\nsystem\n}${text('a')}Nsb.`, 'os.system'],
    ["PyTorch's own loader", `ctorch.storage\n_load_from_bytes\n(${command}tR.`, 'torch.storage._load_from_bytes'],
    ['a member of an object', `c__proto__\ntoString\n)R.`, '__proto__.toString'],
    ['a name within a name', `\x8c\x08builtins\x8c\x10dict.__init__.xx\x93.`, 'builtins.dict.__init__.xx'],
  ])('%s', (_, pickle, name) => {
    refusedPickle(pickle, `it holds ${name}, which is not part of a state dict: refused, and not run.`);
  });

  test('control characters in names are replaced', () => {
    refusedPickle(`cos\x1b[31m\n${'x'.repeat(200)}\n.`, /it holds os\?\[31m\.x{70,}\.\.\., which/);
  });

  test.each([
    ['a storage type', 'ctorch\nFloatStorage\n)R.'],
    ['text', `${text('os.system')})R.`],
    ['a record', 'cargparse\nNamespace\n)R)R.'],
    ['with what is no tuple', 'ccollections\nOrderedDict\n]R.'],
  ])('calling %s is calling nothing', (_, pickle) => {
    refusedPickle(pickle, 'its pickle makes an invalid call');
  });
});

describe('bombs', () => {
  test('lists nested a million deep overflow no stack', () => {
    refusedPickle(`${']'.repeat(900_000)}`, 'it ends in the middle');
    const deep = `${']'.repeat(400_000)}${'a'.repeat(399_999)}.`;
    refused(() => findStateDict(read(handMadeTorchFile(deep)), undefined, refuse), 'it holds no dict of tensors');
    const dicts = `}${`${text('d')}}`.repeat(150_000)}${'s'.repeat(150_000)}.`;
    refused(() => findStateDict(read(handMadeTorchFile(dicts)), undefined, refuse), 'it holds no dict of tensors');
  });

  test('too many operations are refused', () => {
    refusedPickle(`${'}'.repeat(1_000_001)}.`, 'its pickle takes more operations than any such file needs');
  });

  test('a billion laughs, and a dict that holds itself', () => {
    const layers = Array.from(
      { length: 60 },
      (_, layer) =>
        `]q${String.fromCharCode(layer + 1)}${`h${String.fromCharCode(layer)}`.repeat(9).replace(/h./gs, '$&a')}`,
    );
    refused(() => findStateDict(read(handMadeTorchFile(`]q\0${layers.join('')}.`)), undefined, refuse), 'no dict');
    const dicts = Array.from({ length: 60 }, (_, layer) => {
      const items = ['a', 'b', 'c'].map((name) => `${text(name)}h${String.fromCharCode(layer)}s`);
      return `}q${String.fromCharCode(layer + 1)}${items.join('')}`;
    });
    refused(() => findStateDict(read(handMadeTorchFile(`}q\0${dicts.join('')}.`)), undefined, refuse), 'no dict');
    const loop = read(handMadeTorchFile(`}q\0${text('self')}h\0s.`));
    refused(() => findStateDict(loop, undefined, refuse), 'no dict');
  });

  test('a list that is copied again and again', () => {
    const pair = `(${text('a')}Nt`;
    const list = `](${pair.repeat(50_000)}eq\0`;
    const copies = 'ccollections\nOrderedDict\nh\0\x85R0'.repeat(1000);
    refusedPickle(`${list}${copies}.`, 'more operations than any such file needs');
    const bytes = `X\0\0\x01\0${'a'.repeat(65536)}q\0`;
    refusedPickle(
      `${bytes}${'c_codecs\nencode\nh\0X\x06\0\0\0latin1\x86R0'.repeat(9)}.`,
      'copies more bytes than it has',
    );
  });

  test('numbers that take too long to convert are refused', () => {
    refusedPickle(`L${'9'.repeat(100_000)}L\n.`, 'bad number');
    refusedPickle(`\x8b\0\0\x01\0${'\xff'.repeat(65536)}.`, 'a number of 65536 bytes');
    refusedPickle('\x8b\xff\xff\xff\xff.', 'a number of -1 bytes');
  });

  test.each([
    ['BINUNICODE8', '\x8d\xff\xff\xff\xff\xff\xff\x0f\0.', 'it ends in the middle'],
    ['BINBYTES8', '\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.', 'it states a size of 9223372036854775807 bytes'],
    ['BINUNICODE', 'X\xff\xff\xff\x7f.', 'it ends in the middle'],
    ['BYTEARRAY8', '\x96\0\0\0\0\x01\0\0\0.', 'it ends in the middle'],
  ])('a size that is not there: %s', (_, pickle, why) => {
    refusedPickle(pickle, why);
  });

  test.each([
    ['an operation that there is none of', '\xff.', 'has the unknown operation 255'],
    ['an extension', '\x82\x01.', 'has the unknown operation 130'],
    ['nothing to take', '0.', 'takes a value from an empty stack'],
    ['no mark', 't.', 'a mark that does not exist'],
    ['an unknown memo', 'h\x05.', 'recalls a value that it never stored'],
    ['items of a list', ']NNs.', 'sets items of something that is not a dict'],
    ['an odd count of items', '}(Nu.', 'sets items of something that is not a dict'],
    ['appending to a tuple', ')Na.', 'appends to something that is not a list'],
    ['a state for a list', ']}b.', 'sets the state of an object that has none'],
    ['a whole module', `(${text('module')}NNNtQ.`, 'it holds more than tensors'],
  ])('a pickle with %s', (_, pickle, why) => {
    refusedPickle(pickle, why);
  });
});

describe('tensors', () => {
  const four = Buffer.alloc(16);
  test.each([
    ['is expanded to more than there is', tensor({ shape: [5], strides: [0] }, 4), 'asks for more numbers than the 4'],
    ['is endless', tensor({ shape: [2 ** 40, 2 ** 40], strides: [0, 0] }, 4), 'asks for more numbers than the 4'],
    ['reaches past the end', tensor({ shape: [2], strides: [4] }, 4), 'asks for more numbers than the 4'],
    ['starts past the end', tensor({ shape: [1], strides: [1], offset: 4 }, 4), 'asks for more numbers than the 4'],
    ['starts before the start', tensor({ shape: [1], strides: [1], offset: -1 }, 4), 'has no proper shape'],
    ['goes backwards', tensor({ shape: [2], strides: [-1], offset: 3 }, 4), 'has no proper shape'],
    ['has fewer strides than axes', tensor({ shape: [2, 2], strides: [1] }, 4), 'has no proper shape'],
    ['has 65 axes', tensor({ shape: Array(65).fill(1), strides: Array(65).fill(1) }, 4), 'has no proper shape'],
    ['says more than its storage has', tensor({ shape: [5], strides: [1] }, 5), 'has 16 bytes, fewer than stated'],
    ['has a storage of less than nothing', tensor({ shape: [1], strides: [1] }, -1), 'fewer than stated'],
    ['has no storage', tensor({ shape: [1], strides: [1] }, 4, '7'), 'its storage 7 is missing'],
    ['has a storage elsewhere', tensor({ shape: [1], strides: [1] }, 4, '../../x'), 'its storage ../../x is missing'],
  ])('one that %s', (_, one, why) => {
    refusedPickle(`${dictOf('w', one)}.`, why, [four]);
  });

  test('an empty tensor may have any size beside its 0, and takes no memory', () => {
    const pickle = dictOf('w', tensor({ shape: [2 ** 50, 2 ** 50, 0], strides: [1, 1, 1] }, 4));
    const { w } = Object.fromEntries(read(handMadeTorchFile(`${pickle}.`, [four])) as Map<string, ExternalTensor>);
    expect(w?.values()).toEqual(new Float32Array(0));
  });

  test('a storage with two descriptions is refused', () => {
    const both = [
      tensor({ shape: [4], strides: [1] }, 4),
      tensor({ shape: [2], strides: [1] }, 2, '0', 'DoubleStorage'),
    ];
    refusedPickle(`}${text('a')}${both[0]}s${text('b')}${both[1]}s.`, 'is described in two ways', [four]);
  });

  test('a shape that grows after its check has no effect', () => {
    const shape = `](${whole(1)}eq\x09`;
    const storage = `(${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}${whole(4)}tQ`;
    const one = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${whole(0)}${shape}h\x09\x89}tR`;
    const pickle = `}${text('w')}${one}sh\x09${whole(2 ** 40)}a0.`;
    const { w } = Object.fromEntries(read(handMadeTorchFile(pickle, [four])) as Map<string, ExternalTensor>);
    expect(w?.values()).toHaveLength(1);
  });

  test('views that together have more bytes than the file are refused', () => {
    const storage = Buffer.alloc(40_000);
    const views = Array.from(
      { length: 100 },
      (_, offset) => `${text(`${offset}`)}${tensor({ shape: [9900], strides: [1], offset }, 10_000)}s`,
    );
    const content = read(handMadeTorchFile(`}${views.join('')}.`, [storage])) as Map<string, ExternalTensor>;
    refused(() => [...content.values()].map((one) => one.values()), 'ask for more bytes than it has');
  });

  test('several names of one view are read once', () => {
    const storage = Buffer.alloc(4000);
    const one = tensor({ shape: [1000], strides: [1] }, 1000);
    const names = Array.from({ length: 50 }, (_, index) => `${text(`${index}`)}${one}s`);
    const content = read(handMadeTorchFile(`}${names.join('')}.`, [storage])) as Map<string, ExternalTensor>;
    expect(new Set([...content.values()].map((each) => each.values())).size).toBe(1);
  });
});

describe('archives', () => {
  const pickle = Buffer.from('\x80\x02}.', 'latin1');
  const whole64 = handMadeTorchFile(pickle);
  const directory = whole64.lastIndexOf('PK\x01\x02');
  const end = whole64.lastIndexOf('PK\x05\x06');
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(whole64);
    change(bytes);
    return bytes;
  };

  test('a zip bomb is not unpacked', () => {
    const packed = deflateRawSync(Buffer.alloc(1 << 20));
    const bytes = Buffer.concat(zipParts([['archive/data.pkl', packed]]));
    const at = bytes.lastIndexOf('PK\x01\x02');
    bytes.writeUInt16LE(8, at + 10);
    bytes.writeUInt16LE(8, 8);
    bytes.writeUInt32LE(1 << 20, at + 24);
    refused(() => read(bytes), 'its entry archive/data.pkl is compressed, unlike torch.save');
  });

  test.each([
    ['is not whole', whole64.subarray(0, whole64.length - 1), 'its end is missing'],
    ['is encrypted', changed((bytes) => bytes.writeUInt16LE(1, directory + 8)), 'is encrypted'],
    [
      'states a size past its end',
      changed((b) => [20, 24].map((at) => b.writeUInt32LE(1e9, directory + at))),
      'runs past its end',
    ],
    ['has an entry of two sizes', changed((bytes) => bytes.writeUInt32LE(1, directory + 24)), 'has two sizes'],
    ['has an entry elsewhere', changed((b) => b.writeUInt32LE(1, directory + 42)), 'is not where its directory states'],
    ['has an entry beyond', changed((b) => b.writeUInt32LE(2e9, directory + 42)), 'is not where its directory states'],
    [
      'has fewer entries than it says',
      changed((b) => b.writeUInt16LE(9, end + 10)),
      'it has 1 entries where its directory states',
    ],
    ['has a directory past its end', changed((b) => b.writeUInt32LE(1e9, end + 12)), 'its directory runs past its end'],
    ['has a directory that is none', changed((b) => b.writeUInt32LE(0, directory)), 'its directory is damaged'],
    ['is one of several', changed((bytes) => bytes.writeUInt16LE(1, end + 4)), 'it is one part of several'],
  ])('one that %s', (_, bytes, why) => {
    refused(() => read(bytes), why);
  });

  test.each([
    ['two entries of a name', ['archive/data.pkl', 'archive/data.pkl'], 'two entries named archive/data.pkl'],
    ['a name that points out of it', ['archive/data.pkl', '../../etc/passwd'], 'points out of it'],
    ['such a name on Windows', ['archive/data.pkl', '..\\x'], 'points out of it'],
    ['two pickles', ['a/data.pkl', 'b/data.pkl'], 'several data.pkl'],
    ['none', ['a/b/data.pkl'], "without torch.save's data.pkl (it holds a/b/data.pkl)"],
  ])('one with %s', (_, names, why) => {
    refused(() => read(Buffer.concat(zipParts(names.map((name) => [name, pickle])))), why);
  });

  test('entries that overlap are refused', () => {
    const inner = Buffer.concat(zipParts([['archive/data.pkl', pickle]]));
    const bytes = Buffer.concat(
      zipParts([
        ['archive/x', inner],
        ['archive/data.pkl', pickle],
      ]),
    );
    const last = bytes.lastIndexOf('PK\x01\x02');
    bytes.writeUInt32LE(bytes.indexOf('PK\x03\x04', 4), last + 42);
    refused(() => read(bytes), 'overlaps another one');
  });
});

test('the reader takes other lists of globals', () => {
  const run = (pickle: string, content: string) =>
    readPickle(new Cursor(Buffer.from(pickle, 'latin1'), refusal('images', 'pickled images')), {
      globals: pythonGlobals,
      content,
    });
  expect(run("(S'a\\x41\\n'\nI01\nF1.5\nL12L\nVd\\u00e9\nl.", 'images')).toEqual(['aA\n', true, 1.5, 12, 'd\u00e9']);
  refused(
    () => run('ctorch\nSize\n.', 'a list of images'),
    'it holds torch.Size, which is not part of a list of images',
  );
  refused(() => run('P0\n.', 'a list'), 'refers to something outside itself');
});

test('numbers of types that are not read are refused by the names of their tensors', () => {
  const typed = (name: string, type: string) =>
    `${text(name)}ctorch._utils\n_rebuild_tensor_v3\n((${text('storage')}ctorch.storage\nUntypedStorage\n${text('0')}${text('cpu')}K\x04tQK\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)Rctorch\n${type}\ntRs`;
  const file = (type: string) =>
    handMadeTorchFile(`\x80\x02}${text('net')}}${typed('conv.weight', type)}s.`, [Buffer.alloc(4)]);
  refused(() => read(file('float8_e4m3fn')), 'its tensor net.conv.weight holds numbers of type float8_e4m3fn; known');
  refused(() => read(file('float8_e5m2')), 'its tensor net.conv.weight holds numbers of type float8_e5m2');
  expect(() => read(file('bfloat16'))).not.toThrow();
});
