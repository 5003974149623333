import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeCheckpoint } from '../train/checkpoint';
import { readNetwork } from '../train/networks/load-network';
import { safetensorsParts } from './safetensors';
import { writeTorchFile } from './torch/torch-writer';
import { zipParts } from './torch/zip-writer';
import { readWeightsFile } from './weights-file';

const folder = mkdtempSync(join(tmpdir(), 'headshare-kinds-'));
afterAll(() => rmSync(folder, { recursive: true }));

const zip = (...names: string[]) => Buffer.concat(zipParts(names.map((name) => [name, Buffer.from('{}')])));
const weights = new Map([['w', { shape: [2], values: Float32Array.of(1, 2) }]]);
const safetensors = (metadata = {}) => Buffer.concat(safetensorsParts(weights, metadata));

/** One tensor of a type that another program writes. */
function typed(dtype: string, bytes: number): Buffer {
  const json = Buffer.from(JSON.stringify({ 'conv1.weight': { dtype, shape: [bytes], data_offsets: [0, bytes] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(bytes)]);
}

test.each<[file: string, content: string | Buffer, why: string | RegExp]>([
  ['empty.pth', '', 'it is empty'],
  ['pointer.pth', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n', 'a pointer of Git LFS'],
  ['pointer.safetensors', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n', 'a pointer of Git LFS'],
  ['page.pth', '<!DOCTYPE html>\n<html><head><title>404</title></head></html>', 'it is a web page'],
  ['page.safetensors', '\n  <html lang="en"><body>Quota exceeded</body></html>', 'it is a web page'],
  ['denied.pth', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'it is a web page'],
  ['error.pth', '{"error":"Entry not found"}', 'it is JSON text'],
  ['model.gguf', 'GGUF\x03\0\0\0', 'it is a GGUF file'],
  ['weights.h5', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), 'it is an HDF5 file (Keras)'],
  ['renamed.pth', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), 'it is an HDF5 file (Keras)'],
  ['saved_model.pb', '\x08\x01\x12', 'a model of Keras or TensorFlow'],
  ['model.tflite', '\x1c\0\0\0TFL3', 'a model of TensorFlow Lite'],
  ['model.keras', zip('config.json', 'metadata.json', 'model.weights.h5'), 'a model of Keras'],
  ['arrays.npz', zip('conv1.npy', 'fc.npy'), 'it is an .npz archive of NumPy'],
  ['array.npy', Buffer.from('\x93NUMPY\x01\0', 'latin1'), 'it is an array of NumPy'],
  ['flax.msgpack', Buffer.of(0x81, 0xa6, 1, 2), 'it holds parameters of Flax'],
  ['paddle.pdparams', Buffer.from('\x80\x04\x95', 'latin1'), 'it holds parameters of PaddlePaddle'],
  ['plain.pkl', Buffer.from('\x80\x04}.', 'latin1'), 'it is a pickle of Python that torch.save did not write'],
  ['mxnet-0000.params', Buffer.from('\x12\x01\0\0\0\0\0\0', 'latin1'), 'it holds parameters of MXNet'],
  ['script.pt', zip('net/data.pkl', 'net/constants.pkl', 'net/code/__torch__.py', 'net/version'), 'TorchScript'],
  ['program.pt2', zip('archive_format', 'models/model.json'), 'it is a program of torch.export'],
  [
    'photos.zip',
    zip('photos/1.jpg', 'photos/2.jpg'),
    "a zip archive without torch.save's data.pkl (it holds photos/1.jpg, photos",
  ],
  ['weights.pth.tar.gz', gzipSync('x'), 'it is compressed with gzip: unpack it first'],
  [
    'weights.pth.tar',
    Buffer.concat([Buffer.alloc(257), Buffer.from('ustar'), Buffer.alloc(250)]),
    'it is a tar archive',
  ],
  ['zeros.pth', Buffer.alloc(4096), 'it consists of zeros'],
  ['photo.pth', Buffer.of(0xff, 0xd8, 0xff, 0xe0), 'it is a picture'],
  ['exported.pt', Buffer.from('\x08\x08\x12\x07pytorch', 'latin1'), 'it looks like an ONNX model: name it .onnx'],
  ['text.pth', 'hello, these are notes', 'it starts neither as a PyTorch file nor as a safetensors file'],
  ['trailing.safetensors', Buffer.concat([safetensors(), Buffer.from('xx')]), '2 bytes at its end belong to no tensor'],
  ['trailing.bin', Buffer.concat([safetensors(), Buffer.from('xx')]), '2 bytes at its end belong to no tensor'],
  ['cut.safetensors', safetensors().subarray(0, -3), 'the bytes of w are not all there'],
  ['short.safetensors', safetensors().subarray(0, 20), /its header of \d+ bytes runs past its end/],
  ['e4m3.safetensors', typed('F8_E4M3', 4), 'its tensor conv1.weight is 8-bit floats (F8_E4M3); known are F16'],
  ['e5m2.safetensors', typed('F8_E5M2', 4), 'its tensor conv1.weight is 8-bit floats (F8_E5M2)'],
  ['e8m0.safetensors', typed('F8_E8M0', 4), 'its tensor conv1.weight is 8-bit floats (F8_E8M0)'],
  ['f4.safetensors', typed('F4', 4), 'its tensor conv1.weight is 4-bit floats (F4)'],
  ['i4.safetensors', typed('I4', 4), 'its tensor conv1.weight is 4-bit integers (I4)'],
  ['c64.safetensors', typed('C64', 4), 'its tensor conv1.weight is 64-bit complex numbers (C64)'],
])('%s is recognised', (name, content, why) => {
  const file = join(folder, name);
  writeFileSync(file, content);
  expect(() => readNetwork(file)).toThrow(/^\S+ cannot be read as (weights|a PyTorch file): [^\n]+\.$/);
  expect(() => readNetwork(file)).toThrow(why);
});

test('a checkpoint of headshare that is damaged keeps its own message', () => {
  const file = join(folder, 'last.safetensors');
  writeCheckpoint(file, { tensors: weights, metadata: {} });
  const good = Buffer.concat([...safetensorsParts(weights, { headshare: '{}' })]);
  writeFileSync(file, Buffer.concat([good, Buffer.from('xx')]));
  expect(() => readNetwork(file)).toThrow(`The checkpoint ${file} is damaged: 2 bytes at its end belong to no tensor.`);
});

describe('weights in several files', () => {
  const index = join(folder, 'model.safetensors.index.json');
  const part = (name: string) => join(folder, name);
  const write = (map: unknown) => writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: map }));
  const names = { a: 'model-00001-of-00002.safetensors', b: 'pytorch_model-00002-of-00002.bin' };
  const one = (name: string) => new Map([[name, { shape: [1], values: Float32Array.of(1) }]]);

  test('are read by their index', () => {
    writeFileSync(part(names.a), Buffer.concat(safetensorsParts(one('a'), {})));
    writeTorchFile(part(names.b), one('b'));
    write(names);
    expect([...(readWeightsFile(index).content as Map<string, unknown>).keys()]).toEqual(['a', 'b']);
  });

  test.each<[string, unknown, string]>([
    ['lacks a part', { a: 'gone.safetensors' }, 'gone.safetensors cannot be read: ENOENT'],
    ['names a tensor that its part lacks', { c: names.a }, 'lacks c.'],
    ['points out of its folder', { a: '../x.safetensors' }, 'it lists ../x.safetensors, which is no file beside it'],
    ['lists itself', { a: 'model.safetensors.index.json' }, 'which is no file beside it'],
    ['is empty', {}, 'it has no weight_map of tensors and files'],
    ['is no map', [1], 'it has no weight_map of tensors and files'],
  ])('an index that %s is refused', (_, map, why) => {
    write(map);
    expect(() => readNetwork(index)).toThrow(why);
  });
});
