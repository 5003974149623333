import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRun } from '../../test/fresh';
import { answering, type PlainServer } from '../../test/plain-server';
import { connectToRealServer } from '../../test/real-server';
import { listArtifacts } from './artifacts';
import { uploadInParts } from './multipart';
import type { FileBody } from './store';

let folder: string;
let body: FileBody;
const size = 25_000_000;
const contents = Buffer.alloc(size, 'parts of a file ');
const progress: number[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlflow-parts-'));
  const file = join(folder, 'large.bin');
  writeFileSync(file, contents);
  body = { file, bytes: size, open: () => createReadStream(file), onProgress: (bytes) => progress.push(bytes) };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Undefined if the client gave up. */
const read = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
};

/** Simulates MLflow's server and an S3 store. `partFails`: the store refuses part 2. */
const cloud = async (partFails = false) => {
  const parts = new Map<number, Buffer>();
  const calls: { path: string; json: Record<string, unknown> }[] = [];
  const authorization = new Set<string | undefined>();
  const server: PlainServer = await answering(
    async (request, response) => {
      const data = await read(request);
      if (data === undefined) return;
      const [path = ''] = (request.url ?? '').split('?');
      if (request.method === 'PUT') {
        authorization.add(request.headers.authorization);
        const number = Number(path.slice(1));
        if (partFails && number === 2) return response.writeHead(400).end('<Error>no</Error>');
        parts.set(number, data);
        return response.writeHead(200, { etag: `"${number}"` }).end();
      }
      const json = JSON.parse(data.toString());
      calls.push({ path, json });
      const part = (i: number) => ({ url: `${uri}/${i + 1}?signature=s3cret`, part_number: i + 1, headers: {} });
      const create = {
        upload_id: 'u1',
        credentials: Array.from({ length: Number(json.num_parts) }, (_, i) => part(i)),
      };
      return response.end(JSON.stringify(path.includes('/create/') ? create : {}));
    },
    { token: 'secret' },
  );
  const { uri } = server.connection;
  return { server, parts, calls, authorization };
};

test('sends a file to the cloud store in parts, without credentials', async () => {
  const { server, parts, calls, authorization } = await cloud();
  progress.length = 0;
  expect(await uploadInParts(server.connection, '1/run/artifacts/large.bin', body, 1)).toBe(true);
  expect(Buffer.concat([1, 2, 3].map((i) => parts.get(i) ?? Buffer.alloc(0))).equals(contents)).toBe(true);
  const at = (step: string) => `/api/2.0/mlflow-artifacts/mpu/${step}/1/run/artifacts`;
  const part = (i: number) => ({
    part_number: i,
    etag: `"${i}"`,
    url: `${server.connection.uri}/${i}?signature=s3cret`,
  });
  expect(calls).toEqual([
    { path: at('create'), json: { path: 'large.bin', num_parts: 3 } },
    { path: at('complete'), json: { path: 'large.bin', upload_id: 'u1', parts: [part(1), part(2), part(3)] } },
  ]);
  expect([...authorization]).toEqual([undefined]);
  expect(progress.at(-1)).toBe(size);
  await server.close();
});

test('a refused part aborts the upload; the error hides the signature', async () => {
  const { server, calls } = await cloud(true);
  const failure = uploadInParts(server.connection, '1/large.bin', body, 1);
  await expect(failure).rejects.toMatchObject({ status: 400, message: expect.not.stringContaining('s3cret') });
  expect(calls.at(-1)).toEqual({
    path: '/api/2.0/mlflow-artifacts/mpu/abort/1',
    json: { path: 'large.bin', upload_id: 'u1' },
  });
  await server.close();
});

test('small files and servers over a plain folder use no parts', async () => {
  const mlflow = connectToRealServer();
  const { info } = await newRun(mlflow);
  const path = `0/${info.run_id}/artifacts/large.bin`;
  expect(await uploadInParts(mlflow, path, body, 1)).toBe(false);
  expect(await uploadInParts(mlflow, path, body)).toBe(false);
  expect(await listArtifacts(mlflow, info.run_id)).toEqual([]);
});
