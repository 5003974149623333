import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { npy, npz } from '../../test/npz';
import { buildNetwork } from '../nn/network';
import { State } from '../runtime/state';
import { type Tensor4D, tf } from '../runtime/tensorflow';
import { stream } from '../system/random';
import { UserError } from '../system/user-error';
import { readNetwork } from '../train/networks/load-network';
import { exportNetwork } from './export-weights';
import { readNpz } from './npz';
import { zipParts } from './torch/zip-writer';

const folder = mkdtempSync(join(tmpdir(), 'headshare-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, bytes: Buffer) => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

/** A network in PyTorch's format, three normalised images and its outputs for them. */
function example() {
  const state = new State();
  const description = { backbone: 'resnet8', head: 'linear', inputSize: 16, width: 1, classes: 4 };
  const network = buildNetwork(state, 'net', description, 5);
  const file = join(folder, 'net.pth');
  exportNetwork(file, { description, tensors: network.weights() });
  const random = stream(1, 'images');
  const input = {
    shape: [3, 3, 16, 16],
    values: Float32Array.from({ length: 3 * 3 * 256 }, () => random.uniform(-1, 1)),
  };
  const pixels = tf.tensor(input.values, input.shape).transpose([0, 2, 3, 1]).mul(127.5).add(127.5) as Tensor4D;
  const { embedding } = network.embed(pixels, 'eval');
  const given = (x: typeof embedding) => ({ shape: x.shape, values: Float32Array.from(x.dataSync()) });
  const made = { file, input, embedding: given(embedding), logits: given(network.head.logits(embedding)) };
  state.dispose();
  return made;
}

const { file, input, embedding, logits } = example();
const hints = (verify: string) => ({ inputSize: 16, verify });

test.each([['embedding'], ['logits'], ['both']])('outputs that are the same pass: %s', (which) => {
  const outputs: Parameters<typeof npz>[0] =
    which === 'both' ? { embedding, logits } : which === 'logits' ? { logits } : { embedding };
  const expected = write('good.npz', npz({ input, ...outputs }));
  const notes: string[] = [];
  readNetwork(file, { ...hints(expected), onNote: (note) => notes.push(note) });
  expect(notes.join()).toContain(
    `net.pth: its outputs are those of ${expected} on 3 images; the largest difference is `,
  );
});

const changed = { ...logits, values: logits.values.map((value, i) => (i === 5 ? value + 0.1 : value)) };
const three = { shape: [3, 3], values: new Float32Array(9) };

test.each<[string, Parameters<typeof npz>[0], RegExp]>([
  [
    'another output',
    { input, logits: changed },
    /net.pth as resnet8 gives other outputs than .*bad.npz expects: its logits differs by up to 0.1/,
  ],
  ['no number', { input, logits: { ...logits, values: logits.values.map(() => Number.NaN) } }, /differs by up to NaN/],
  [
    'another size',
    { input: { shape: [1, 3, 8, 8], values: new Float32Array(192) }, logits },
    /must hold input \[n,3,16,16\].*it holds \[1,3,8,8\]/,
  ],
  ['no input', { images: input, logits }, /must hold input .*it holds only images, logits/],
  ['no output', { input }, /must hold the outputs to compare: embedding, logits or both/],
  ['another length', { input, embedding: three }, /holds embedding \[3,3\], and the network gives \[3,64\]/],
])('%s is refused', (_, arrays, sentence) => {
  const expected = write('bad.npz', npz(arrays));
  expect(() => readNetwork(file, hints(expected))).toThrow(sentence);
});

test.each<[string, Buffer, RegExp]>([
  ['no archive', Buffer.from('hello'), /cannot be read as NumPy's .npz/],
  [
    'whole numbers',
    Buffer.concat(zipParts([['input.npy', npy(three, '<i4')]])),
    /of its array input, the numbers are '<i4'; floats are read/,
  ],
  ['columns first', Buffer.concat(zipParts([['input.npy', npy(three, '<f4', 'True')]])), /the order is by columns/],
  [
    'too few numbers',
    Buffer.concat(zipParts([['input.npy', npy({ ...three, shape: [4, 4] })]])),
    /the 36 bytes are no numbers of shape \(4,4\)/,
  ],
])('an archive with %s is refused', (_, bytes, sentence) => {
  expect(() => readNpz(write('odd.npz', bytes))).toThrow(sentence);
});

// HEADSHARE_FUZZ=10000 runs as many cases.
test('damaged archives are read or refused', () => {
  const bytes = readFileSync(write('small.npz', npz({ input: three, logits: three })));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }), (edits) => {
      const damaged = Buffer.from(bytes);
      for (const [at, value] of edits) damaged[at] = value;
      try {
        readNpz(write('damaged.npz', damaged));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: Number(process.env.HEADSHARE_FUZZ ?? 300), seed: 3 },
  );
});
