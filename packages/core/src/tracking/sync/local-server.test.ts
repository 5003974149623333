import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, isHealthy } from 'mlflow-js-client';
import { mlflowPython } from '../../../test/mlflow-server';
import { ensureLocalServer, findLocalServer, stopLocalServer } from './local-server';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-local-'));
});

afterEach(async () => {
  await stopLocalServer(folder);
  rmSync(folder, { recursive: true, force: true });
});

test('starts one server for several concurrent processes', async () => {
  symlinkSync(dirname(dirname(mlflowPython())), join(folder, 'venv'));
  const servers = await Promise.all([1, 2, 3].map(() => ensureLocalServer(folder)));
  expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
  expect(servers.filter(({ started }) => started)).toHaveLength(1);
  const uri = servers[0]?.uri ?? '';
  expect(await isHealthy(connect(uri))).toBe(true);
  expect(await findLocalServer(folder)).toMatchObject({ uri });

  expect(await stopLocalServer(folder)).toBe(true);
  expect(await isHealthy(connect(uri))).toBe(false);
  expect(await stopLocalServer(folder)).toBe(false);
}, 90_000);

test('starts a separate server for each of two workspaces', async () => {
  const folders = ['one', 'other'].map((name) => join(folder, name));
  for (const own of folders) {
    mkdirSync(own);
    symlinkSync(dirname(dirname(mlflowPython())), join(own, 'venv'));
  }
  try {
    const servers = await Promise.all(folders.map((own) => ensureLocalServer(own)));
    expect(new Set(servers.map(({ uri }) => uri)).size).toBe(2);
  } finally {
    await Promise.all(folders.map((own) => stopLocalServer(own)));
  }
}, 120_000);

test('an incomplete environment is not an installed MLflow', async () => {
  mkdirSync(join(folder, 'venv', 'bin'), { recursive: true });
  await expect(ensureLocalServer(folder)).rejects.toThrow(
    'MLflow is not installed (`npx nx run tools:mlflow-setup` installs it).',
  );
});
