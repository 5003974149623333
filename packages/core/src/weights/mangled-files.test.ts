/** Whatever happens to a file's bytes, it is read or refused with a sentence, and never asks for more than it has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { UserError } from '../system/user-error';
import { type ExternalTensor, isExternalTensor } from './external-tensor';
import { inMemory } from './file-bytes';
import { refusal } from './refusal';
import { parseSafetensors, safetensorsParts } from './safetensors';
import { findStateDict } from './state-dict';
import { readTorchFile } from './torch/torch-file';
import { openZip } from './torch/zip-archive';
import { zipParts } from './torch/zip-writer';

const refuse = refusal('net', 'weights');
const fixture = (name: string) => readFileSync(join(__dirname, '../../fixtures/torch', name));
const zipped = ['kinds.pth', 'checkpoint.pth', 'kinds-protocol5.pth'].map(fixture);
const old = ['kinds-old.pth', 'checkpoint-old.pth'].map(fixture);

/** Tensors anywhere in what a file holds. */
function tensorsIn(content: unknown): ExternalTensor[] {
  const seen = new Set<unknown>();
  const left = [content];
  const found: ExternalTensor[] = [];
  while (left.length > 0) {
    const value = left.pop();
    if (seen.has(value)) continue;
    seen.add(value);
    if (isExternalTensor(value)) found.push(value);
    else if (value instanceof Map) left.push(...value.keys(), ...value.values());
    else if (Array.isArray(value) || value instanceof Set) left.push(...value);
  }
  return found;
}

let refused = 0;
beforeEach(() => {
  refused = 0;
});

/** Reads a file whole. @throws what is no sentence to the user, or says that more was read than is there. */
function survive(bytes: Buffer, read: () => unknown): void {
  try {
    const content = read();
    const arrays = new Set(tensorsIn(content).map((tensor) => tensor.values()));
    const size = [...arrays].reduce((sum, values) => sum + values.byteLength, 0);
    // A byte may become a float32.
    if (size > 4 * bytes.length) throw new Error(`${size} bytes out of ${bytes.length}`);
    findStateDict(content, undefined, refuse);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    refused++;
  }
}

interface Edit {
  readonly kind: 'set' | 'insert' | 'remove' | 'copy';
  /** Places, as parts of the whole in 0..1. */
  readonly at: number;
  readonly from: number;
  readonly bytes: Uint8Array;
}

function edited(bytes: Buffer, edits: readonly Edit[], length: number): Buffer {
  const result = edits.reduce((whole, { kind, at, from, bytes: given }) => {
    const place = Math.floor(at * whole.length);
    const before = whole.subarray(0, place);
    const source = Math.floor(from * whole.length);
    const part = kind === 'copy' ? whole.subarray(source, source + given.length) : Buffer.from(given);
    if (kind === 'set') return Buffer.concat([before, part, whole.subarray(place + part.length)]);
    return Buffer.concat([
      before,
      ...(kind === 'remove' ? [] : [part]),
      whole.subarray(kind === 'remove' ? place + part.length : place),
    ]);
  }, bytes);
  return result.subarray(0, Math.ceil(length * result.length));
}

const operations = Buffer.from(
  '(.0122FGIJKLMNPQRSTUVXBCabcd}eghjil]opqrst)u\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96',
  'latin1',
);
const values = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 8 }),
  fc.constantFrom(...operations).map((code) => Uint8Array.of(code)),
  // Sizes and places that lie.
  fc
    .constantFrom(0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff)
    .map((value) => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)),
  fc
    .constantFrom('cos\nsystem\n)R', 'h\x00', '\x8a\x08\0\0\0\0\0\0\x01\0', 'h\x06')
    .map((code) => Buffer.from(code, 'latin1')),
);
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'insert', 'remove', 'copy'),
  at: place,
  from: place,
  bytes: values,
});
const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
const length = fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: place });
// HEADSHARE_FUZZ=10000 runs as many cases for each kind of file.
const options = { seed: 1, numRuns: Number(process.env.HEADSHARE_FUZZ ?? 1000) };

test('archives', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zipped), edits, length, (good, changes, part) => {
      const bytes = edited(good, changes, part);
      survive(bytes, () => readTorchFile('net', inMemory(bytes)));
    }),
    options,
  );
  expect(refused).toBeGreaterThan(options.numRuns / 6);
});

test("an archive's directory", () => {
  fc.assert(
    fc.property(fc.constantFrom(...zipped), edits, (good, changes) => {
      const start = good.indexOf('PK\x01\x02');
      const bytes = Buffer.concat([good.subarray(0, start), edited(good.subarray(start), changes, 1)]);
      survive(bytes, () => readTorchFile('net', inMemory(bytes)));
    }),
    options,
  );
  expect(refused).toBeGreaterThan(options.numRuns / 3);
});

test('pickles whose archive is whole', () => {
  const parts = zipped.map((good) => {
    const archive = openZip(inMemory(good), refuse);
    return archive.names.map((name) => [name, archive.read(name) ?? Buffer.alloc(0)] as const);
  });
  fc.assert(
    fc.property(fc.constantFrom(...parts), edits, length, (entries, changes, part) => {
      const bytes = Buffer.concat(
        zipParts(
          entries.map(
            ([name, data]) => [name, name.endsWith('data.pkl') ? edited(data, changes, part) : data] as const,
          ),
        ),
      );
      survive(bytes, () => readTorchFile('net', inMemory(bytes)));
    }),
    options,
  );
  expect(refused).toBeGreaterThan(options.numRuns / 3);
});

test("PyTorch's old files", () => {
  fc.assert(
    fc.property(fc.constantFrom(...old), edits, length, (good, changes, part) => {
      // The start stays, or it is no such file.
      const bytes = Buffer.concat([good.subarray(0, 15), edited(good.subarray(15), changes, part)]);
      survive(bytes, () => readTorchFile('net', inMemory(bytes)));
    }),
    options,
  );
  expect(refused).toBeGreaterThan(options.numRuns / 3);
});

test('safetensors', () => {
  const tensors = new Map([
    ['conv1.weight', { shape: [1, 1, 2, 2], values: Float32Array.of(1, 2, 3, 4) }],
    ['scale', { shape: [], values: Float32Array.of(2) }],
    ['none', { shape: [0, 3], values: new Float32Array(0) }],
  ]);
  const good = Buffer.concat(safetensorsParts(tensors, { format: 'pt' }));
  const letters = fc.constantFrom(...'0123456789[]{}",:-eFBI').map((letter) => Buffer.from(letter));
  const any = fc.record({ kind: fc.constantFrom('set', 'insert', 'copy'), at: place, from: place, bytes: letters });
  fc.assert(
    fc.property(
      fc.array(fc.oneof(edit, any as fc.Arbitrary<Edit>), { minLength: 1, maxLength: 4 }),
      length,
      (changes, part) => {
        const bytes = edited(good, changes, part);
        survive(bytes, () => parseSafetensors(inMemory(bytes), refuse).tensors);
      },
    ),
    options,
  );
  expect(refused).toBeGreaterThan(options.numRuns / 3);
});
