import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRun } from '../../test/fresh';
import { answering } from '../../test/plain-server';
import { connectToRealServer } from '../../test/real-server';
import { downloadFolder, uploadFolder } from './folders';

const mlflow = connectToRealServer();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlflow-folders-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a folder is uploaded and downloaded completely', async () => {
  const { info } = await newRun(mlflow);
  mkdirSync(join(folder, 'up/a/b'), { recursive: true });
  for (let i = 0; i < 6; i++) writeFileSync(join(folder, `up/a/${i}.txt`), String(i));
  writeFileSync(join(folder, 'up/a/b/deep.txt'), 'deep');
  symlinkSync(join(folder, 'up/a/0.txt'), join(folder, 'up/link'));

  const progress: string[] = [];
  const paths = await uploadFolder(mlflow, info, join(folder, 'up'), 'model', {
    onProgress: (path, bytes, total) => progress.push(`${path} ${bytes}/${total}`),
  });
  const expected = [...[0, 1, 2, 3, 4, 5].map((i) => `model/a/${i}.txt`), 'model/a/b/deep.txt'];
  expect(paths.sort()).toEqual(expected);
  expect(progress).toContain('model/a/b/deep.txt 4/4');

  expect((await downloadFolder(mlflow, info, join(folder, 'all'))).sort()).toEqual(expected);
  expect(readFileSync(join(folder, 'all/model/a/b/deep.txt'), 'utf8')).toBe('deep');
  expect(await downloadFolder(mlflow, info, join(folder, 'part'), 'model/a/b')).toEqual(['model/a/b/deep.txt']);
  expect(readFileSync(join(folder, 'part/deep.txt'), 'utf8')).toBe('deep');
  expect(await downloadFolder(mlflow, info, join(folder, 'none'), 'nothing')).toEqual([]);
});

test.each(['../evil', '/evil', 'a/../../evil', '..\\evil', '..'])(
  'a server that names an artifact "%s" writes nothing outside the folder',
  async (path) => {
    const server = await answering((request, response) => {
      const listing = request.url?.includes('?path=') ?? false;
      response.end(listing ? JSON.stringify({ files: [{ path, is_dir: false, file_size: 1 }] }) : 'x');
    });
    const owner = { artifact_uri: 'mlflow-artifacts:/1/a' };
    await expect(downloadFolder(server.connection, owner, join(folder, 'in'))).rejects.toMatchObject({
      code: 'UNSAFE_PATH',
    });
    expect(existsSync(join(folder, 'evil'))).toBe(false);
    await server.close();
  },
);

test('the first failure ends the transfer', async () => {
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, `${i}.txt`), 'x');
  const server = await answering((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(403).end('{"error_code":"PERMISSION_DENIED","message":"no"}');
    });
  });
  const owner = { artifact_uri: 'mlflow-artifacts:/1/a' };
  await expect(uploadFolder(server.connection, owner, folder)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  expect(server.requests.length).toBeLessThanOrEqual(8);
  await server.close();
});
