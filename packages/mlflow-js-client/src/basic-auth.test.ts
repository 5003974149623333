import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RealServer, startRealServer, stopRealServer } from '../test/real-server';
import { connect, connectFromEnvironment } from './connection';
import { createExperiment, getExperiment } from './experiments';

describe("MLflow's basic authentication", () => {
  let server: RealServer;
  let folder: string;
  const password = 'a password: long enough';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mlflow-auth-'));
    const settings = join(folder, 'auth.ini');
    const database = `sqlite:///${join(folder, 'auth.db')}`;
    writeFileSync(
      settings,
      `[mlflow]\ndefault_permission = READ\ndatabase_uri = ${database}\nadmin_username = ann\n` +
        'authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n',
    );
    server = await startRealServer(['--app-name', 'basic-auth'], {
      MLFLOW_AUTH_CONFIG_PATH: settings,
      MLFLOW_AUTH_ADMIN_PASSWORD: password,
      MLFLOW_FLASK_SERVER_SECRET_KEY: 'of the tests',
    });
  }, 90_000);

  afterAll(() => {
    if (server) stopRealServer(server);
    rmSync(folder, { recursive: true, force: true });
  });

  test('accepts the right password', async () => {
    const mlflow = connectFromEnvironment(
      {},
      { MLFLOW_TRACKING_URI: server.uri, MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_PASSWORD: password },
    );
    const id = await createExperiment(mlflow, 'guarded');
    expect((await getExperiment(mlflow, id)).name).toBe('guarded');
  });

  test('refuses other users with an error', async () => {
    const refused = { code: 'UNAUTHENTICATED', kind: 'unauthorised', status: 401, transient: false };
    await expect(getExperiment(connect(server.uri), '0')).rejects.toMatchObject(refused);
    const wrong = connect(server.uri, { username: 'ann', password: 'wrong' });
    await expect(getExperiment(wrong, '0')).rejects.toMatchObject(refused);
  });
});
