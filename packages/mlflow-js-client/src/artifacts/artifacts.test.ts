import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fresh, newRun } from '../../test/fresh';
import { answering } from '../../test/plain-server';
import { connectToRealServer, realServer } from '../../test/real-server';
import { createExperiment } from '../experiments';
import { createLoggedModel } from '../logged-models';
import { createModelVersion, getModelVersionDownloadUri } from '../model-versions';
import { createRegisteredModel } from '../registered-models';
import {
  artifactsAt,
  deleteArtifact,
  downloadArtifact,
  listArtifacts,
  listLoggedModelArtifacts,
  readArtifact,
  uploadArtifact,
} from './artifacts';

const mlflow = connectToRealServer();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlflow-artifacts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, contents: string | Buffer): string => {
  writeFileSync(join(folder, name), contents);
  return join(folder, name);
};

const text = async (source: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

describe('artifacts through the server', () => {
  test('are uploaded into folders, listed and downloaded unchanged', async () => {
    const { info } = await newRun(mlflow);
    const bytes = Buffer.alloc(3_000_000, 'abc é');
    const progress: (number | undefined)[][] = [];
    await uploadArtifact(mlflow, info, write('weights.bin', bytes), 'checkpoints/best é.bin', {
      onProgress: (...step) => progress.push(step),
    });
    expect(progress.at(-1)).toEqual([3_000_000, 3_000_000]);
    expect(await listArtifacts(mlflow, info.run_id)).toEqual([{ path: 'checkpoints', is_dir: true }]);
    const file = { path: 'checkpoints/best é.bin', is_dir: false, file_size: 3_000_000 };
    expect(await listArtifacts(mlflow, info.run_id, 'checkpoints')).toEqual([file]);
    expect(await artifactsAt(mlflow, info).list('checkpoints')).toEqual([file]);

    const stored = join(realServer().folder, 'artifacts/0', info.run_id, 'artifacts/checkpoints/best é.bin');
    expect(readFileSync(stored).equals(bytes)).toBe(true);
    const copy = join(folder, 'new/copy.bin');
    await downloadArtifact(mlflow, info, file.path, copy);
    expect(readFileSync(copy).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, 'new'))).toEqual(['copy.bin']);
  });

  test('may be empty', async () => {
    const { info } = await newRun(mlflow);
    await uploadArtifact(mlflow, info, write('empty.txt', ''), 'empty.txt');
    expect(await listArtifacts(mlflow, info.run_id)).toEqual([{ path: 'empty.txt', is_dir: false, file_size: 0 }]);
    expect(await text(readArtifact(mlflow, info, 'empty.txt'))).toBe('');
  });

  test('are replaced, and deleted', async () => {
    const { info } = await newRun(mlflow);
    await uploadArtifact(mlflow, info, write('a', 'old'), 'notes/a.txt');
    await uploadArtifact(mlflow, info, write('a', 'new'), 'notes/a.txt');
    expect(await text(readArtifact(mlflow, info, 'notes/a.txt'))).toBe('new');
    await deleteArtifact(mlflow, info, 'notes/a.txt');
    expect(await listArtifacts(mlflow, info.run_id, 'notes')).toEqual([]);
  });

  test('that do not exist are an error and leave no file', async () => {
    const { info } = await newRun(mlflow);
    const place = join(folder, 'none');
    await expect(downloadArtifact(mlflow, info, 'none', place)).rejects.toMatchObject({ name: 'MlflowError' });
    expect(existsSync(place)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('have names that the server preserves, or are refused', async () => {
    const { info } = await newRun(mlflow);
    const file = write('a', 'x');
    for (const name of ['a+b&c?.txt', '100%.txt', "it's (1) [2].txt", '日本.txt']) {
      await uploadArtifact(mlflow, info, file, name);
      expect(await text(readArtifact(mlflow, info, name))).toBe('x');
    }
    expect((await listArtifacts(mlflow, info.run_id)).map(({ path }) => path).sort()).toEqual(
      ['a+b&c?.txt', '100%.txt', "it's (1) [2].txt", '日本.txt'].sort(),
    );
    for (const name of ['a#b', 'a%20b', '../a', '/a', 'a/../../b']) {
      await expect(uploadArtifact(mlflow, info, file, name)).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    }
  });

  test('belong to logged models and model versions too', async () => {
    const { info } = await createLoggedModel(mlflow, { experimentId: '0', name: 'student' });
    await uploadArtifact(mlflow, info, write('a', 'weights'), 'data/model.bin');
    expect(await listLoggedModelArtifacts(mlflow, info.model_id)).toEqual([{ path: 'data', is_dir: true }]);
    expect(await listLoggedModelArtifacts(mlflow, info.model_id, 'data')).toEqual([
      { path: 'data/model.bin', is_dir: false, file_size: 7 },
    ]);
    const { name } = await createRegisteredModel(mlflow, fresh('face'));
    await createModelVersion(mlflow, { name, source: info.artifact_uri, modelId: info.model_id });
    const artifact_uri = await getModelVersionDownloadUri(mlflow, name, '1');
    expect(await text(readArtifact(mlflow, { artifact_uri }, 'data/model.bin'))).toBe('weights');
  });

  test('leave no file after a broken download', async () => {
    const server = await answering((request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half');
      setTimeout(() => request.socket.destroy(), 20);
    });
    const place = join(folder, 'cut');
    const owner = { artifact_uri: 'mlflow-artifacts:/1/a' };
    await expect(downloadArtifact(server.connection, owner, 'cut', place)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('cut'))).toEqual([]);
    await server.close();
  });

  test('stop when the signal is aborted', async () => {
    const { info } = await newRun(mlflow);
    const controller = new AbortController();
    const file = write('large.bin', Buffer.alloc(20_000_000));
    const onProgress = () => controller.abort(new Error('enough'));
    const options = { onProgress, signal: controller.signal };
    await expect(uploadArtifact(mlflow, info, file, 'large.bin', options)).rejects.toThrow('enough');
  });

  test('at another host get no credentials', async () => {
    const seen: (string | undefined)[] = [];
    const other = await answering((request, response) => {
      seen.push(request.headers.authorization);
      response.end('x');
    });
    const { host } = new URL(other.connection.uri);
    const connection = { ...mlflow, headers: { authorization: 'Bearer secret' } };
    const owner = { artifact_uri: `mlflow-artifacts://${host}/1/a` };
    expect(await text(readArtifact(connection, owner, 'b'))).toBe('x');
    expect(other.requests).toEqual(['GET /api/2.0/mlflow-artifacts/artifacts/1/a/b']);
    expect(seen).toEqual([undefined]);
    await other.close();
  });
});

describe('artifacts in a plain folder', () => {
  test("are written where the server's own listing finds them", async () => {
    const root = join(folder, 'plain store');
    const location = new URL(`file://${root}`).href;
    const id = await createExperiment(mlflow, fresh('plain'), {}, { artifactLocation: location });
    const { info } = await newRun(mlflow, id);
    expect(info.artifact_uri).toMatch(/^file:/);
    const progress: number[] = [];
    const options = { onProgress: (bytes: number) => progress.push(bytes) };
    await uploadArtifact(mlflow, info, write('a', 'abc'), 'x/a é.txt', options);
    expect(progress.at(-1)).toBe(3);
    const file = { path: 'x/a é.txt', is_dir: false, file_size: 3 };
    expect(await listArtifacts(mlflow, info.run_id, 'x')).toEqual([file]);
    expect(await artifactsAt(mlflow, info).list('x')).toEqual([file]);
    expect(await text(readArtifact(mlflow, info, 'x/a é.txt'))).toBe('abc');
    await expect(text(readArtifact(mlflow, info, 'none'))).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
    await expect(uploadArtifact(mlflow, info, __filename, '../../a')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    await deleteArtifact(mlflow, info, 'x');
    expect(await artifactsAt(mlflow, info).list()).toEqual([]);
  });

  test('of a remote server, or in a store without a proxy, are refused', async () => {
    const elsewhere = { ...mlflow, uri: 'http://mlflow.example' };
    const refused = { code: 'UNSUPPORTED_ARTIFACT_STORE', kind: 'not-sent', transient: false };
    for (const [connection, artifact_uri] of [
      [elsewhere, 'file:///no/such/folder'],
      [elsewhere, '/no/such/folder'],
      [mlflow, 'file://another/folder'],
      [mlflow, 's3://bucket/1'],
    ] as const) {
      await expect(uploadArtifact(connection, { artifact_uri }, __filename, 'a')).rejects.toMatchObject(refused);
    }
  });
});

test('a file that cannot be read throws the error of the file system', async () => {
  const { info } = await newRun(mlflow);
  await expect(uploadArtifact(mlflow, info, join(folder, 'missing'), 'a')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(uploadArtifact(mlflow, info, folder, 'a')).rejects.toMatchObject({ code: 'EISDIR' });
});
