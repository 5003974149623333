import { request as httpRequest, type RequestListener } from 'node:http';
import { newRun } from '../test/fresh';
import { answering, type PlainServer } from '../test/plain-server';
import { connectToRealServer, realServer } from '../test/real-server';
import { artifactsAt } from './artifacts/artifacts';
import { send } from './send';
import { sendForStream } from './stream';

let server: PlainServer;
afterEach(() => server?.close());

const read = { method: 'GET', path: '/x' } as const;
const contents = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i % 251));

const readAll = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

test('a stream may be read slowly and partly', async () => {
  server = await answering((_, response) => response.end(contents));
  let bytes = 0;
  for await (const chunk of sendForStream({ ...server.connection, timeout: 1000 }, read)) {
    // Longer than the connection's timeout, once.
    if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 1200));
    bytes += chunk.length;
  }
  expect(bytes).toBe(1_000_000);
  for await (const chunk of sendForStream(server.connection, read)) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect((await send(server.connection, read)).length).toBeGreaterThan(0);
});

test('a stream that the server stalls is a TIMEOUT', async () => {
  server = await answering((_, response) => response.write('a'));
  const stream = sendForStream({ ...server.connection, timeout: 1000, retries: 0 }, read);
  expect((await stream.next()).value).toEqual(Buffer.from('a'));
  await expect(stream.next()).rejects.toMatchObject({ code: 'TIMEOUT' });
});

/** A proxy before MLflow that breaks the first `cuts` answers in the middle. */
const cuttingProxy = (cuts: number): RequestListener => {
  let calls = 0;
  return (request, response) => {
    const { method, url, headers } = request;
    const cut = ++calls <= cuts;
    const onward = httpRequest(new URL(url ?? '', realServer().uri), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (cut && bytes > 100_000) {
          answer.destroy();
          response.write(chunk, () => request.socket.destroy());
        } else response.write(chunk);
      });
      answer.on('end', () => response.end());
    });
    request.pipe(onward);
  };
};

test('a broken download resumes where it stopped', async () => {
  const { info } = await newRun(connectToRealServer());
  const body = {
    file: '',
    bytes: contents.length,
    open: async function* () {
      yield contents;
    },
  };
  await artifactsAt(connectToRealServer(), info).write('a.bin', body);
  server = await answering(cuttingProxy(2));
  const stream = artifactsAt(server.connection, info).read('a.bin');
  expect((await readAll(stream)).equals(contents)).toBe(true);
  expect(server.requests).toHaveLength(3);
});

test.each([
  ['has changed meanwhile', '"1"', '"2"'],
  ['has no ETag', undefined, undefined],
])('a broken download that %s is an error', async (_, before, after) => {
  let calls = 0;
  server = await answering((request, response) => {
    const etag = calls++ === 0 ? before : after;
    response.writeHead(200, { 'content-length': contents.length, ...(etag && { etag }) });
    response.write(contents.subarray(0, 1000));
    if (calls === 1) setTimeout(() => request.socket.destroy(), 20);
    else response.end(contents.subarray(1000));
  });
  await expect(readAll(sendForStream(server.connection, read))).rejects.toMatchObject({ code: 'UNREACHABLE' });
});
