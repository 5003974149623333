import { type PipelineOptions, pipelineDataset } from '@headshare/core/data/pipeline/pipeline-dataset';
import { defaultDataFolder } from '@headshare/core/experiment/data-folder';
import { UserError } from '@headshare/core/system/user-error';
import type { Inference } from '@headshare/core/train/inference';
import type { Metrics } from '@headshare/core/train/metrics';
import type { Task } from '@headshare/core/train/task';
import { crossModelMetrics, embeddingsFile, writeEmbeddings } from './cross-model';
import { openTrainingFaces } from './data/training-faces';
import { openVerificationSets } from './data/verification-sets/find-sets';
import type { VerificationSet } from './data/verification-sets/verification-set';
import { meanNorm } from './evaluation/pair-distances';
import { type NamedVerificationResult, reportVerification } from './evaluation/report-verification';
import { verificationMetrics, verify } from './evaluation/verification';
import type { DataValues } from './options';

/** Aligned faces are shown whole, mirrored or not, as insightface trains on them. */
const asTheyAre = { crop: { scale: [1, 1], ratio: [1, 1] } } as const;

/** Of damaged images, each of which is told of. */
const mostNamed = 20;

/**
 * Training on faces of a data set, judged by each verification set (`lfw/accuracy` ...) and by their mean (`accuracy`
 * ...). Images are read from their files when they are needed.
 * @throws UserError for data that is missing or damaged
 */
export async function realFacesTask(options: DataValues): Promise<Task> {
  const { dataset, data = defaultDataFolder('face'), selectBy } = options;
  if (dataset === 'procedural') throw new RangeError('drawn faces are no data set');
  const { sets, selected } = await selectedSet(options);
  const { identities, minImages, identityDraw: draw } = options;
  const { source, size } = await openTrainingFaces(dataset, data, { identities, minImages, draw });
  const view: PipelineOptions = { size, train: asTheyAre, test: { resize: size } };
  let named = 0;
  const train = pipelineDataset(source, {
    ...view,
    onSkip({ index, reason }) {
      if (++named <= mostNamed) console.warn(`${source.name}: image ${index} is left out: ${reason}`);
    },
  });
  return {
    train,
    reads: [
      { images: train, use: 'training', from: data },
      ...sets.map(({ images, file }) => ({ images, use: 'evaluation', from: file }) as const),
    ],
    selectBy: selectBy === 'mean' ? 'accuracy' : `${selectBy}/accuracy`,
    async evaluate(inference) {
      const bySet = new Map<string, Metrics>();
      for (const set of sets) {
        const embedded = await embed(inference, set, view);
        const result = verify({ ...embedded, pairs: set.pairs });
        bySet.set(set.name, { ...verificationMetrics(result), xnorm: meanNorm(embedded) });
      }
      return setMetrics(bySet);
    },
    async finish(folder, inference, own) {
      writeEmbeddings(folder, await embed(inference, selected, view));
      const results: NamedVerificationResult[] = [];
      for (const set of sets) {
        results.push({ name: set.name, result: verify({ ...(await embed(own, set, view)), pairs: set.pairs }) });
      }
      const { files } = await reportVerification(results, folder);
      return [embeddingsFile, ...files];
    },
    compareWithTeacher: (teacher, student) => crossModelMetrics(teacher, student, selected.pairs),
    close: () => train.close(),
  };
}

/** The verification sets, and the one whose embeddings are kept. @throws UserError where there is no such set */
export async function selectedSet({ data = defaultDataFolder('face'), verification = data, selectBy }: DataValues) {
  const sets = await openVerificationSets(verification);
  const selected = selectBy === 'mean' ? sets[0] : sets.find(({ name }) => name === selectBy);
  if (!selected) {
    const names = sets.map(({ name }) => name).join(', ');
    throw new UserError(`--select-by: ${verification} has no set '${selectBy}' (valid: mean, ${names})`);
  }
  return { sets, selected };
}

/** Threads that decode are there for the time of one set: they would outnumber those that train. */
async function embed(inference: Inference, { images }: VerificationSet, view: PipelineOptions) {
  // Another image in place of a damaged one would make its pairs wrong.
  const dataset = pipelineDataset(images, { ...view, onCorrupt: 'fail' });
  try {
    return await inference.embed(dataset);
  } finally {
    await dataset.close();
  }
}

/** Each set's metrics as `<set>/<metric>`, and under `<metric>` the mean of those that all sets have. */
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
