import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { NamedValues } from '../../runtime/state';
import { bytesOf } from '../../system/bytes-of';
import type { ExternalTensor } from '../external-tensor';
import { inMemory } from '../file-bytes';
import { readTorchFile } from './torch-file';
import { torchFileParts, writeTorchFile } from './torch-writer';

const folder = mkdtempSync(join(tmpdir(), 'headshare-torch-'));
afterAll(() => rmSync(folder, { recursive: true }));

// A Python with PyTorch, to ask what it reads; HEADSHARE_TORCH_PYTHON names one.
const python = process.env.HEADSHARE_TORCH_PYTHON || 'python3';
const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0;

function roundTrip(tensors: ReadonlyMap<string, NamedValues>): Map<string, ExternalTensor> {
  return readTorchFile('net.pth', inMemory(Buffer.concat(torchFileParts(tensors)))) as Map<string, ExternalTensor>;
}

test('a written file is read back to the bit', () => {
  const tensor = fc
    .array(fc.nat(3), { maxLength: 4 })
    .chain((shape) =>
      fc
        .array(fc.float(), { minLength: shape.reduce((a, b) => a * b, 1), maxLength: shape.reduce((a, b) => a * b, 1) })
        .map((values) => ({ shape, values: Float32Array.from(values) })),
    );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), tensor), { maxLength: 5 }), (entries) => {
      const tensors = new Map(entries);
      const read = roundTrip(tensors);
      expect([...read.keys()]).toEqual([...tensors.keys()]);
      for (const [name, { shape, values }] of tensors) {
        expect(read.get(name)?.shape).toEqual(shape);
        expect(bytesOf(read.get(name)?.values() ?? new Float32Array(1))).toEqual(bytesOf(values));
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("storages start at multiples of 64, which PyTorch's memory mapping needs", () => {
  const value = Buffer.from(Float32Array.of(1234.5).buffer);
  const tensors = new Map(
    ['a', 'b', 'long name'].map((name) => [name, { shape: [1], values: Float32Array.of(1234.5) }]),
  );
  const bytes = Buffer.concat(torchFileParts(tensors));
  for (let at = bytes.indexOf(value), found = 0; found < 3; found++, at = bytes.indexOf(value, at + 1)) {
    expect(at % 64).toBe(0);
  }
});

const script = `
import json, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, (1, 2), bias=False), torch.nn.BatchNorm2d(3))
net.load_state_dict({k: v for k, v in state.items() if k != 'scalar' and k != 'none'})
print(json.dumps({k: [list(v.shape), v.flatten().tolist()] for k, v in state.items()}))
`;

(hasTorch ? test : test.skip)(
  `PyTorch loads it as weights only, and into a network (skipped where ${python} has no torch)`,
  () => {
    const ones = { shape: [3], values: Float32Array.of(1, 2, 3) };
    const tensors = new Map<string, NamedValues>([
      ['0.weight', { shape: [3, 2, 1, 2], values: Float32Array.from({ length: 12 }, (_, index) => index / 8) }],
      ...['weight', 'bias', 'running_mean', 'running_var'].map((name) => [`1.${name}`, ones] as const),
      ['scalar', { shape: [], values: Float32Array.of(-2.5) }],
      ['none', { shape: [0, 3], values: new Float32Array(0) }],
    ]);
    const file = join(folder, 'net.pth');
    writeTorchFile(file, tensors);
    expect(readFileSync(file).subarray(0, 2).toString()).toBe('PK');
    const read = JSON.parse(
      execFileSync(python, ['-c', script, file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    expect(read).toEqual(
      Object.fromEntries([...tensors].map(([name, { shape, values }]) => [name, [shape, [...values]]])),
    );
  },
);
