import { type PipelineOptions, pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import type { TrainTransform } from '@headshare/core/data/pipeline/transforms';
import type { UnreadableImages } from '@headshare/core/data/unreadable';
import { unreadableImages } from '@headshare/core/data/unreadable-images';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { type ImageSize, sides } from '@headshare/core/system/image-size';
import { UserError } from '@headshare/core/system/user-error';
import type { Inference } from '@headshare/core/train/evaluation/inference';
import type { Metrics } from '@headshare/core/train/evaluation/metrics';
import type { Task, TaskImages } from '@headshare/core/train/evaluation/task';
import {
  crossModelMetrics,
  embeddingsFile,
  readEmbeddings,
  type VerificationEmbeddings,
  writeEmbeddings,
} from './cross-model';
import { openFaceFolders } from './data/face-folders';
import { acceptLosses } from './data/training-records/record-losses';
import { faceSize, openTrainingRecords, type TrainingRecordsOptions } from './data/training-records/training-records';
import { openVerificationSets } from './data/verification-sets/find-sets';
import type { VerificationSet } from './data/verification-sets/verification-set';
import { meanNorm } from './evaluation/pair-distances';
import { type NamedVerificationResult, reportVerification } from './evaluation/report-verification';
import { measureThresholds } from './evaluation/thresholds';
import { verificationMetrics, verify } from './evaluation/verification';
import type { DataValues } from './options';

/**
 * The whole aligned face, mirrored or not, as insightface trains; the centre of it where images have another ratio: networks for
 * 112x96 see aligned faces of 112x112 without 8 columns on either side.
 */
function wholeFace(size: ImageSize): TrainTransform {
  const { height, width } = sides(size);
  return { crop: { scale: [1, 1], ratio: [width / height, width / height] } };
}

/**
 * Training on a data set of faces, evaluated on each verification set (metrics `lfw/accuracy` ...) and by the mean over
 * the sets (`accuracy` ...). Images are read from their files on demand.
 * @throws UserError for data that is missing or damaged
 */
export async function realFacesTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('face'), selectBy } = options;
  if (dataset === 'procedural') throw new RangeError('synthetic faces are not read from files');
  const { sets, selected: first } = await selectedSet(options);
  const { identities, minImages, identityDraw: draw } = options;
  const selection = { identities, minImages, draw, verify: options.verifyData };
  const {
    source,
    size: stored,
    notes,
    lost,
  } = dataset === 'folder'
    ? { ...(await openFaceFolders(data, selection)), size: faceSize, lost: [] }
    : await openRecords(data, selection, options.unreadableShare);
  const size = options.imageSize ?? stored;
  const pipeline: PipelineOptions = { size, train: wholeFace(size), test: { resize: size } };
  const train = pipelineDataset(source, {
    ...pipeline,
    unreadable: unreadableImages(source, { unreadableShare: options.unreadableShare }),
  });
  const verification = sets.map((set): ReadableSet => {
    const unreadable = options.unreadable === 'skip' ? 'skip' : 'fail';
    const evaluated = { use: 'verification', indices: 'all' } as const;
    return { ...set, unreadable: unreadableImages(set.images, { evaluated, unreadable }) };
  });
  const selected = verification.find(({ name }) => name === first.name) as ReadableSet;
  return {
    train,
    reads: [
      { images: train, use: 'training', from: data },
      ...verification.map(({ images, unreadable, file }): TaskImages => {
        return { images: { ...images, unreadableImages: unreadable }, use: 'evaluation', from: file };
      }),
    ],
    notes,
    lost,
    selectBy: selectBy === 'mean' ? 'accuracy' : `${selectBy}/accuracy`,
    usage: {
      kind: 'face',
      preparation: { kind: 'aligned-face' },
      verification: {
        read: readEmbeddings,
        embed: (inference) => embed(inference, selected, pipeline),
        thresholds: (own, gallery, mirror) =>
          measureThresholds({ data: selected.name, pairs: selected.pairs, own, gallery, mirror }),
      },
    },
    async evaluate(inference) {
      const bySet = new Map<string, Metrics>();
      for (const set of verification) {
        const embedded = await embed(inference, set, pipeline);
        const result = verify({ ...embedded, name: set.name, pairs: set.pairs });
        bySet.set(set.name, { ...verificationMetrics(result), xnorm: meanNorm(embedded) });
      }
      return setMetrics(bySet);
    },
    async finish(inference, own) {
      const ofSelected = await embed(inference, selected, pipeline);
      const results: NamedVerificationResult[] = [];
      for (const set of verification) {
        const embedded = await embed(own, set, pipeline);
        results.push({ name: set.name, result: verify({ ...embedded, name: set.name, pairs: set.pairs }) });
      }
      return async (folder) => {
        writeEmbeddings(folder, ofSelected);
        return [embeddingsFile, ...(await reportVerification(results, folder))];
      };
    },
    compareWithTeacher: (teacher, student) => crossModelMetrics(teacher, student, selected.pairs),
    close: () => train.close(),
  };
}

/** As `openTrainingRecords`, and says which pictures are not used. @throws UserError if more than a share are damaged */
async function openRecords(folder: string, selection: TrainingRecordsOptions, share: number) {
  const records = await openTrainingRecords(folder, selection);
  const { notes, lost } = acceptLosses(records, share);
  return { ...records, notes: [...records.notes, ...notes], lost };
}

/**
 * The verification sets, and the one whose embeddings are stored in a stage's folder.
 * @throws UserError for a --select-by that names no set
 */
export async function selectedSet({ data = defaultDataFolder('face'), verification = data, selectBy }: DataValues) {
  const sets = await openVerificationSets(verification);
  const selected = selectBy === 'mean' ? sets[0] : sets.find(({ name }) => name === selectBy);
  if (!selected) {
    const names = sets.map(({ name }) => name).join(', ');
    throw new UserError(`--select-by: ${verification} has no set '${selectBy}' (valid: mean, ${names})`);
  }
  return { sets, selected };
}

interface ReadableSet extends VerificationSet {
  readonly unreadable: UnreadableImages;
}

/** Decoding threads live only while one set is embedded: otherwise they would outnumber the training's threads. */
async function embed(
  inference: Inference,
  { images, unreadable }: ReadableSet,
  pipeline: PipelineOptions,
): Promise<VerificationEmbeddings> {
  const dataset = pipelineDataset(images, { ...pipeline, unreadable });
  try {
    const embedded = await inference.embed(dataset);
    return { ...embedded, leftOut: new Set(unreadable.list().map(({ index }) => index)) };
  } finally {
    await dataset.close();
  }
}

/** Each set's metrics as `<set>/<metric>`, and under `<metric>` the mean of the metrics that all sets have. */
export function setMetrics(bySet: ReadonlyMap<string, Metrics>): Metrics {
  const metrics: Record<string, number> = {};
  const all = [...bySet.values()];
  for (const name of Object.keys(all[0] ?? {})) {
    const values = all.map((each) => each[name]).filter((value) => value !== undefined);
    if (values.length === all.length) metrics[name] = values.reduce((sum, value) => sum + value, 0) / all.length;
  }
  for (const [set, each] of bySet) {
    for (const [name, value] of Object.entries(each)) metrics[`${set}/${name}`] = value;
  }
  return metrics;
}
