import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSyncState } from '../../tracking/sync/sync-state';
import { readRun } from './recorded-run';

const folder = mkdtempSync(join(tmpdir(), 'headshare-recorded-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));

test('a run in a folder has its address in MLflow once it was sent', () => {
  const identity = { experiment: 'student', options: { student: { seed: 1 } }, data: 'd', sources: 's', device: 'cpu' };
  write('config.json', { package: 'demo', profile: 'default', ...identity });
  write('result.json', {
    key: '0123456789ab',
    experiment: 'student',
    seconds: 1,
    result: { metrics: {}, summary: '' },
  });
  expect(readRun(folder, 'here').finished.address).toBeUndefined();
  const address = 'http://mlflow/#/experiments/1/runs/2';
  const sent = { destination: 'http://mlflow', experimentId: '1', runId: '2', address, bytes: 9, refused: [] };
  writeSyncState(join(folder, 'journal.jsonl'), sent);
  expect(readRun(folder, 'here')).toMatchObject({ title: 'demo:student, run 0123456789ab', finished: { address } });
});
