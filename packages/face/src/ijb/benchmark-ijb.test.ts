/** The benchmark after training, with networks from files, on a small set in IJB-C's layout. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunContext } from '@headshare/core/experiment/define';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import type { TrainingValues } from '@headshare/core/recipes/training-options';
import { State } from '@headshare/core/runtime/state';
import { removeTemporaryFolders, temporaryFolder, tinyNetwork } from '@headshare/core/test/tiny-training';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import { faceCase, faceCaseJson } from '../../test/face-cases';
import type { DataValues } from '../options';
import { verificationTask } from '../verification-task';
import { benchmarkOnIjb } from './benchmark-ijb';
import { requireWantedSets, wantedSets } from './wanted-sets';

afterAll(removeTemporaryFolders);

const root = temporaryFolder();
const { images } = faceCaseJson<{ images: number }>('ijbc_tiny/expected.json');
const values = (given: Partial<DataValues>) =>
  ({ dataset: 'ms1m', data: root, batchSize: 50, accumulate: 1, ...given }) as DataValues & TrainingValues;

/** A stage's folder with an untrained network. */
function stage(name: string, seed: number, description: NetworkDescription = tinyNetwork()): string {
  const folder = join(root, name);
  mkdirSync(folder);
  const state = new State();
  const network = buildNetwork(state, 'network', description, seed);
  const metadata = { network: description, epoch: 0, metrics: {} };
  writeCheckpoint(join(folder, 'last.safetensors'), { tensors: network.weights(), metadata });
  state.dispose();
  return folder;
}

function context(options: DataValues & TrainingValues, folder: string, lines: string[]) {
  const made = { options, folder, signal: new AbortController().signal, log: (line: string) => lines.push(line) };
  return made as unknown as RunContext<DataValues & TrainingValues>;
}

test("teacher, student, and the student against its teacher's gallery are measured", async () => {
  const folders = { teacher: stage('teacher', 1), 'student, th-kd': stage('student', 2) };
  const lines: string[] = [];
  const folder = folders['student, th-kd'];
  const run = (ijb: string) => benchmarkOnIjb(context(values({ ijb }), folder, lines), { folders, teacher: 'teacher' });
  const benchmark = await run(faceCase('ijbc_tiny'));
  const { results } = JSON.parse(readFileSync(join(folder, 'ijbc.json'), 'utf8'));
  const across = 'gallery by teacher, probes by student, th-kd';
  expect(Object.keys(results)).toEqual(['teacher', 'student, th-kd', across]);
  expect(benchmark?.metrics).toMatchObject({
    'ijbc/tar_at_far_1e-1': results['student, th-kd'].tarAtFar['1e-1'].tar,
    'ijbc/cross_auc': results[across].auc,
  });
  expect(benchmark?.files.filter((file) => !existsSync(join(folder, file)))).toEqual([]);
  expect(benchmark?.files).toEqual(expect.arrayContaining(['ijb-c-table.md', 'ijb-c-roc.png', 'ijb-c-det.png']));
  expect(benchmark?.summary).toMatch(/\nstudent, th-kd .* here\n(.*\n)+MobileFaceNet, TH-KD .* 93.50/);
  expect(lines.filter((line) => line.includes(` of ${images} images embedded`))).toHaveLength(2);
}, 60_000);

test('sets are found in --ijb, or else in --data of real faces', async () => {
  const data = join(root, 'data');
  expect([...wantedSets(values({ data }))]).toEqual([]);
  cpSync(faceCase('ijbc_tiny'), join(data, 'IJBC'), { recursive: true });
  expect([...wantedSets(values({ data })).keys()]).toEqual(['ijbc']);
  expect([...wantedSets(values({ data, dataset: 'procedural' }))]).toEqual([]);
  expect([...wantedSets(values({ ijb: data, dataset: 'procedural' })).keys()]).toEqual(['ijbc']);
  expect(() => wantedSets(values({ ijb: root }))).toThrow(`--ijb: ${root} has neither IJBC/ nor IJBB/`);
  await requireWantedSets(values({ data }));
  const [name = ''] = readdirSync(join(data, 'IJBC/loose_crop'));
  rmSync(join(data, 'IJBC/loose_crop', name));
  // Fails before anything is trained.
  await expect(verificationTask(values({ data }))).rejects.toThrow(
    `1 of the ${images} images of IJB-C cannot be used: ${name} `,
  );
});
