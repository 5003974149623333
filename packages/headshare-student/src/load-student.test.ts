import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadStudent } from './load-student';
import type { Runtime } from './student';

/** What is refused before any engine is needed. Real networks are run in test/packed.test.ts, by plain Node. */
const folder = mkdtempSync(join(tmpdir(), 'load-student-'));
let server: Server;
let address: string;

const field = (number: number, ...value: readonly Buffer[]) => {
  const content = Buffer.concat(value);
  if (content.length > 127) throw new Error('too long for one byte');
  return Buffer.concat([Buffer.of(number * 8 + 2, content.length), content]);
};
const metadata = (key: string, value: string) => field(14, field(1, Buffer.from(key)), field(2, Buffer.from(value)));
const graph = field(7, Buffer.from('a graph'));
const carded = (card: unknown) => Buffer.concat([graph, metadata('headshare', JSON.stringify(card))]);

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/broken') {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      setTimeout(() => response.destroy(), 50);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(folder, 'page.onnx'), '<!doctype html>');
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ['no ONNX file', Buffer.from('<!doctype html>'), 'This is no ONNX file, or it is cut short'],
  [
    'an ONNX file that is cut short',
    carded({ version: 1 }).subarray(0, -3),
    'This is no ONNX file, or it is cut short',
  ],
  [
    'a .tflite file',
    Buffer.from('\x1c\0\0\0TFL3'),
    'This is a .tflite file, for LiteRT.js: loadStudent runs ONNX files',
  ],
  ['an empty file', new Uint8Array(), 'This ONNX file has no card: its metadata lack "headshare"'],
  ["another program's", graph, 'This ONNX file has no card: its metadata lack "headshare"'],
  ['a later version', carded({ version: 2 }), 'The card in this file has version 2; this package reads version 1'],
  ['a card without network', carded({ version: 1 }), 'The card in this file has no valid "network"'],
  ['a card that is no object', carded(null), 'The card in this file has version undefined'],
  [
    'a card that is no JSON',
    Buffer.concat([graph, metadata('headshare', '{"version":')]),
    'The card in this file is not JSON: the file is damaged',
  ],
])('%s: refused in one sentence, whatever the bytes are in', async (_, bytes, message) => {
  const copy = Uint8Array.from(bytes);
  await expect(loadStudent(bytes)).rejects.toThrow(message);
  await expect(loadStudent(copy.buffer)).rejects.toThrow(message);
  await expect(loadStudent(new Blob([copy]))).rejects.toThrow(message);
});

test('a path or address that leads nowhere is named', async () => {
  const missing = join(folder, 'missing.onnx');
  await expect(loadStudent(missing)).rejects.toThrow(`${missing} does not exist`);
  await expect(loadStudent(pathToFileURL(missing))).rejects.toThrow('missing.onnx does not exist');
  await expect(loadStudent(folder)).rejects.toThrow(`${folder} cannot be read: EISDIR`);
  await expect(loadStudent(`${address}/x.onnx`)).rejects.toThrow('/x.onnx cannot be fetched: the server answered 404');
  await expect(loadStudent(`${address}/broken`)).rejects.toThrow('/broken cannot be fetched: the connection broke');
  await expect(loadStudent('http://127.0.0.1:9/x')).rejects.toThrow('/x cannot be fetched: the server does not answer');
});

test('a file is read by its path, its URL, or its URL as text', async () => {
  const file = join(folder, 'page.onnx');
  for (const name of [file, pathToFileURL(file), String(pathToFileURL(file))]) {
    await expect(loadStudent(name)).rejects.toThrow('This is no ONNX file');
  }
});

test('a file that the engine refuses', async () => {
  const input = { height: 1, width: 1, form: 'bytes', preparation: {} };
  const text = JSON.stringify({ version: 1, network: { backbone: 'b' }, input, outputs: [] });
  const value = Buffer.from(text);
  const entry = Buffer.concat([
    field(1, Buffer.from('headshare')),
    Buffer.of(18, (value.length & 127) | 128, value.length >> 7),
    value,
  ]);
  const file = Buffer.concat([Buffer.of(114, (entry.length & 127) | 128, entry.length >> 7), entry]);
  const runtime = {
    env: { wasm: {} },
    InferenceSession: { create: () => Promise.reject(new Error('no graph')) },
  } as unknown as Runtime;
  await expect(loadStudent(file, { runtime })).rejects.toThrow(
    'onnxruntime-web cannot run this file with wasm: no graph',
  );
});
