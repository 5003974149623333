/** `face:evaluate` through the runner, on a set of 200 images in IJB-C's layout. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDeclaration } from '@headshare/core/experiment/declaration';
import type { Stage } from '@headshare/core/experiment/define';
import { runStage } from '@headshare/core/experiment/run-stage';
import { buildNetwork } from '@headshare/core/nn/network';
import { State } from '@headshare/core/runtime/state';
import { removeTemporaryFolders, temporaryFolder, tinyNetwork } from '@headshare/core/test/tiny-training';
import { untrackedSession } from '@headshare/core/test/untracked-session';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import evaluate from '../../experiments/evaluate';
import { faceCase, faceCaseJson, faceCaseText } from '../../test/face-cases';
import type { IjbcTiny } from '../../test/ijbc-tiny';
import { experiments } from '../experiments';
import { variantNames } from './options';
import type { EvaluationResult } from './run-evaluation';

afterAll(removeTemporaryFolders);

const root = temporaryFolder();
const data = faceCase('ijbc_tiny');
const set = faceCaseJson<IjbcTiny>('ijbc_tiny/expected.json');
const names = faceCaseText('ijbc_tiny/meta/ijbc_name_5pts_score.txt')
  .trimEnd()
  .split('\n')
  .map((line) => line.split(' ')[0] as string);
const given = { data, embeddings: join(data, 'embeddings.f32'), flippedEmbeddings: join(data, 'embeddings_flip.f32') };
const stages = new Map<string, Stage>([['evaluate', evaluate as Stage]]);

async function run(options: Readonly<Record<string, unknown>>, profile = 'ijbc') {
  const lines: string[] = [];
  const session = {
    ...untrackedSession({ package: 'face', root, experiments: stages }),
    log: (line: string) => lines.push(line),
  };
  const { run: finished, folder } = await runStage(evaluate as Stage, { profile, given: options }, session);
  return { result: finished.result as EvaluationResult, folder, log: lines.join('\n') };
}

/** The checkpoint of an untrained network. */
function checkpoint(name: string, seed: number, width?: number): string {
  const file = join(root, name);
  const state = new State();
  const description = tinyNetwork(width);
  const network = buildNetwork(state, 'network', description, seed);
  writeCheckpoint(file, { tensors: network.weights(), metadata: { network: description, epoch: 0, metrics: {} } });
  state.dispose();
  return file;
}

test('its declaration is compatible with the other experiments', () => {
  checkDeclaration('evaluate', evaluate, new Map<string, Stage>([...Object.entries(experiments), ...stages]));
});

test('given embeddings in all eight variants give the numbers of the public script', async () => {
  const { variants } = set;
  const { result, folder } = await run({ ...given, variants: [...variantNames] });
  const measured = JSON.parse(readFileSync(join(folder, 'ijb.json'), 'utf8')).variants;
  for (const variant of variantNames) {
    for (const [far, { tar }] of Object.entries(variants[variant]?.tar_at_far ?? {})) {
      expect(measured[variant].tarAtFar[Number(far).toExponential()].tar).toBe(tar);
    }
  }
  expect(result.metrics['tar_at_far_1e-2']).toBe(measured.F1N1D1.tarAtFar['1e-2'].tar);
  expect(result.metrics['F0N0D0_tar_at_far_1e-2']).toBe(measured.F0N0D0.tarAtFar['1e-2'].tar);
  const { images, templates, pairs } = set;
  expect(result.counts).toMatchObject({ images, templates, pairs });
  for (const file of result.files ?? []) expect(existsSync(join(folder, file))).toBe(true);
  expect(result.files).toEqual(expect.arrayContaining(['ijb.json', 'ijb-c-table.md', 'ijb-c-roc.png']));
});

test("a network embeds the set's crops once; later evaluations use the stored embeddings", async () => {
  const weights = checkpoint('student.safetensors', 1);
  const teacher = checkpoint('teacher.safetensors', 2);
  const options = { data, weights, batchSize: 50, embeddingsCache: join(root, 'embeddings') };
  const first = await run(options);
  expect(first.log).toMatch(
    new RegExp(`network: resnet8, ${set.images} of ${set.images} images embedded, \\d+ images/s`),
  );
  expect(first.result.metrics['tar_at_far_1e-1']).toBeGreaterThan(0);
  const other = await run({ ...options, variants: ['F0N0D0'] });
  expect(other.log).toContain(`network: resnet8, 0 of ${set.images} images embedded`);

  const same = await run({ ...options, galleryWeights: weights });
  const { unreadable, ...metrics } = first.result.metrics;
  expect(unreadable).toBe(0);
  expect(same.result.metrics).toEqual(first.result.metrics);
  const across = await run({ ...options, galleryWeights: teacher });
  expect(across.result.subject).toBe('gallery by resnet8, 16 x 16, probes by resnet8, 16 x 16');
  expect(across.result.metrics.auc).not.toBe(metrics.auc);
  // Compiles four programs and starts threads for each.
}, 120_000);

test('networks whose embeddings cannot be compared are refused before either embeds', async () => {
  const weights = checkpoint('narrow.safetensors', 1);
  const galleryWeights = checkpoint('wide.safetensors', 2, 1);
  const embeddingsCache = join(root, 'never');
  await expect(run({ data, weights, galleryWeights, batchSize: 50, embeddingsCache })).rejects.toThrow(
    /The gallery's embeddings have 64 dimensions and the probes' \d+: they cannot be compared/,
  );
  expect(existsSync(embeddingsCache)).toBe(false);
});

test('missing crops stop the run before it embeds, or are counted and logged', async () => {
  const broken = join(root, 'broken');
  cpSync(data, broken, { recursive: true });
  const [missing, damaged] = names.slice(-2) as [string, string];
  rmSync(join(broken, 'loose_crop', missing));
  writeFileSync(join(broken, 'loose_crop', damaged), 'no picture');
  const options = {
    data: broken,
    weights: checkpoint('small.safetensors', 1),
    batchSize: 50,
    embeddingsCache: join(root, 'embeddings'),
  };
  await expect(run(options)).rejects.toThrow(
    `1 of the ${set.images} images of IJB-C cannot be used: ${missing} (it is missing)`,
  );
  const { result, log, folder } = await run({ ...options, unreadable: 'black' });
  expect(result.metrics.unreadable).toBe(2);
  expect(result.summary).toContain(`2 of ${set.images} images were replaced by black ones.`);
  expect(log).toContain(`2 images were replaced by black ones: ${missing}: it is missing; ${damaged}: `);
  const { unreadable } = JSON.parse(readFileSync(join(folder, 'ijb.json'), 'utf8'));
  expect(Object.keys(unreadable).sort()).toEqual([missing, damaged].sort());
});

test('an embedding that is not finite is an error with its file and row', async () => {
  const bytes = readFileSync(given.embeddings);
  const row = set.images - 1;
  bytes.writeFloatLE(Number.NaN, row * set.dim * 4 + 8);
  const embeddings = join(root, 'nan.f32');
  writeFileSync(embeddings, bytes);
  await expect(run({ ...given, embeddings })).rejects.toThrow(new RegExp(`nan.f32, row ${row} .* is not finite`));
});

test('embeddings of zeros are counted and logged', async () => {
  const bytes = readFileSync(given.embeddings);
  for (const row of [2, 5]) bytes.fill(0, row * set.dim * 4, (row + 1) * set.dim * 4);
  const embeddings = join(root, 'zeros.f32');
  writeFileSync(embeddings, bytes);
  const { log, folder } = await run({ data, embeddings, variants: ['F0N1D1', 'F0N0D0'] });
  expect(log).toContain(
    `2 of ${set.images} embeddings are all zeros, the first that of line 3, ${names[2]}: these images count for nothing`,
  );
  expect(JSON.parse(readFileSync(join(folder, 'ijb.json'), 'utf8')).oddities.zeroEmbeddings).toBe(2);
});

test.each([
  [0, /ijbc_template_pair_label.txt has no pair of the same person: all its \d+ pairs have the label 0/],
  [1, /ijbc_template_pair_label.txt has no pair of different people: all its \d+ pairs have the label 1/],
])('pairs that all have the label %s are an error that names their list', async (label, message) => {
  const alike = join(root, `alike-${label}`);
  cpSync(data, alike, { recursive: true });
  const list = join(alike, 'meta/ijbc_template_pair_label.txt');
  writeFileSync(list, readFileSync(list, 'utf8').replace(/ [01]$/gm, ` ${label}`));
  await expect(run({ ...given, data: alike })).rejects.toThrow(message);
});

test.each<[Record<string, unknown>, RegExp]>([
  [{ data }, /give --weights, a network to evaluate, or --embeddings/],
  [{ ...given, weights: given.embeddings }, /give either --weights or --embeddings, not both/],
  [{ data, galleryWeights: given.embeddings }, /--gallery-weights needs --weights/],
  [{ data, flippedEmbeddings: given.embeddings }, /need --embeddings/],
  [{ ...given, variants: ['F1N1D1', 'F1N1D1'] }, /--variants names one twice/],
  [{ data, embeddings: given.embeddings }, /F1N1D1 adds the mirror images' embeddings, and there are none/],
  [
    { ...given, galleryEmbeddings: given.embeddings },
    /F1N1D1 adds the mirror images' embeddings, and the gallery has none: give --flipped-gallery-embeddings, or --variants=F0N1D1/,
  ],
  [{ ...given, protocol: 'ijbb' }, /IJB-B is not in /],
])('%j is refused', async (options, message) => {
  await expect(run(options)).rejects.toThrow(message);
});
