import { augmented } from '@headshare/core/data/loading/augmented';
import { UserError } from '@headshare/core/system/user-error';
import type { Task } from '@headshare/core/train/evaluation/task';
import { crossModelMetrics, embeddingsFile, readEmbeddings, writeEmbeddings } from './cross-model';
import { defaultNuisance } from './data/synthetic/appearance';
import { generatePairs } from './data/synthetic/generate-pairs';
import { syntheticFaces } from './data/synthetic/synthetic-faces';
import { measureThresholds } from './evaluation/thresholds';
import { verificationMetrics, verify } from './evaluation/verification';
import type { DataValues } from './options';

const defaultIdentities = 400;

export const defaultSize = 48;

/** Images of each person to verify. */
const imagesPerProbe = 11;

// The faces do not depend on the training's seed: seeds measure the variance of training, not that of the data.
const dataSeed = 2022;

/**
 * The verification pairs of synthetic faces; the same for every network and seed.
 * @throws UserError for options that allow no such pairs
 */
export function syntheticPairs({ verificationIdentities, verificationPairs: pairs }: DataValues) {
  try {
    return generatePairs({
      identities: verificationIdentities,
      imagesPerIdentity: imagesPerProbe,
      genuine: pairs,
      impostor: pairs,
      seed: dataSeed,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      `--verification-pairs=${pairs}, --verification-identities=${verificationIdentities}: ${error.message}`,
    );
  }
}

/** Training on synthetic faces, evaluated by verification of people who are not in the training set. */
export function syntheticTask(options: DataValues): Task {
  const {
    imageSize = defaultSize,
    identities = defaultIdentities,
    imagesPerIdentity,
    difficulty,
    verificationIdentities,
  } = options;
  const nuisance = Object.fromEntries(
    Object.entries(defaultNuisance).map(([cause, strength]) => [cause, strength * difficulty]),
  );
  const common = { size: imageSize, seed: dataSeed, ...nuisance };
  const train = augmented(syntheticFaces({ ...common, split: 'train', identities, imagesPerIdentity }), { flip: true });
  const probes = syntheticFaces({
    ...common,
    split: 'verification',
    identities: verificationIdentities,
    imagesPerIdentity: imagesPerProbe,
  });
  const pairs = syntheticPairs(options);
  return {
    train,
    reads: [
      { images: train, use: 'training' },
      { images: probes, use: 'evaluation' },
    ],
    selectBy: 'accuracy',
    usage: {
      kind: 'face',
      preparation: { kind: 'none' },
      caution: 'trained on synthetic faces, not on photos',
      verification: {
        read: readEmbeddings,
        embed: (inference) => inference.embed(probes),
        thresholds: (own, gallery, mirror) => measureThresholds({ data: probes.name, pairs, own, gallery, mirror }),
      },
    },
    async evaluate(inference) {
      return verificationMetrics(verify({ ...(await inference.embed(probes)), pairs }));
    },
    async finish(inference) {
      const embedded = await inference.embed(probes);
      return async (folder) => {
        writeEmbeddings(folder, embedded);
        return [embeddingsFile];
      };
    },
    compareWithTeacher: (teacher, student) => crossModelMetrics(teacher, student, pairs),
    async close() {
      await Promise.all([train.close(), probes.close()]);
    },
  };
}
