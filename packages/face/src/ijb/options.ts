import { file, flag, folder, group, list, oneOf, optional, text, type Values } from '@headshare/core/experiment/option';
import { stateDictOption } from '@headshare/core/experiment/state-dict-option';
import { externalNormalisationOption } from '@headshare/core/recipes/normalisation-options';
import { trainingOptions } from '@headshare/core/recipes/training-options';
import { checkProcesses, processOptions } from '@headshare/core/recipes/worker-options';
import { UserError } from '@headshare/core/system/user-error';
import { unreadableOption } from '../options';
import { setNames } from './meta/sets';

/** Variants of features, named as in insightface's script; see FeatureSwitches. */
export const variantNames = ['F1N1D1', 'F1N1D0', 'F1N0D1', 'F1N0D0', 'F0N1D1', 'F0N1D0', 'F0N0D1', 'F0N0D0'] as const;

export type Variant = (typeof variantNames)[number];

const ofEvaluation = group('Evaluation', {
  protocol: oneOf(setNames, 'ijbc', { help: 'benchmark' }),
  data: optional(folder({ help: 'folder with IJBB or IJBC in the layout of insightface' }), 'data/face'),
  weights: optional(file({ help: 'network to evaluate: a checkpoint, or weights from elsewhere' })),
  stateDict: stateDictOption({ gallery: ['galleryWeights'], probes: ['weights'] }),
  galleryWeights: optional(
    file({ help: 'teacher that embeds the first template of each pair' }),
    '--weights embeds both',
  ),
  weightsNormalisation: externalNormalisationOption('normalisation of --weights from elsewhere'),
  galleryNormalisation: externalNormalisationOption('normalisation of --gallery-weights from elsewhere'),
  verify: optional(file({ help: '.npz of inputs and outputs that --weights must give (docs/networks.md)' })),
  embeddings: optional(file({ help: 'embeddings instead of a network: .f32, .npy or .safetensors' })),
  flippedEmbeddings: optional(file({ help: 'embeddings of the mirrored images' })),
  galleryEmbeddings: optional(file({ help: "another network's, for the first template of each pair" })),
  flippedGalleryEmbeddings: optional(file({ help: 'the same of the mirrored images' })),
  concatenated: flag({ help: "rows of --embeddings hold the image's, then the mirrored image's" }),
  variants: list<Variant>(oneOf(variantNames, 'F1N1D1', { help: '' }), {
    default: ['F1N1D1'],
    help: 'F1 adds mirrored images, N1 keeps lengths, D1 weights by detection score',
  }),
  unreadable: unreadableOption,
  embeddingsCache: optional(
    text({ placeholder: 'DIR', notInKey: true, help: 'folder that keeps embeddings for the next run' }),
    '.cache/embeddings',
  ),
  batchSize: { ...trainingOptions.batchSize, help: 'images per batch' },
});

/** The options of `face:evaluate`. */
export const evaluateOptions = {
  ...ofEvaluation,
  ...processOptions,
  workers: { ...processOptions.workers, help: 'processes here that share the images, with the same result' },
};

export type EvaluateValues = Values<typeof evaluateOptions>;

/** @throws UserError for options that cannot be combined */
export function checkEvaluation(options: EvaluateValues): void {
  const { weights, galleryWeights, embeddings, flippedEmbeddings, galleryEmbeddings, concatenated, variants } = options;
  const { flippedGalleryEmbeddings } = options;
  if (weights !== undefined && embeddings !== undefined) {
    throw new UserError('give either --weights or --embeddings, not both');
  }
  if (weights === undefined && galleryWeights !== undefined) {
    throw new UserError('--gallery-weights needs --weights, the network that embeds the second template of each pair');
  }
  const { weightsNormalisation, galleryNormalisation } = options;
  for (const [option, other, value, of] of [
    ['--weights-normalisation', '--weights', weightsNormalisation, weights],
    ['--gallery-normalisation', '--gallery-weights', galleryNormalisation, galleryWeights],
  ] as const) {
    if (value !== 'reference' && of === undefined) {
      throw new UserError(`${option} needs ${other}, the network that it describes`);
    }
  }
  if (options.verify !== undefined && weights === undefined) {
    throw new UserError('--verify needs --weights, the network that gives the outputs');
  }
  if (embeddings === undefined && (flippedEmbeddings ?? galleryEmbeddings ?? flippedGalleryEmbeddings) !== undefined) {
    throw new UserError('--flipped-embeddings and --gallery-embeddings need --embeddings');
  }
  if (galleryEmbeddings === undefined && flippedGalleryEmbeddings !== undefined) {
    throw new UserError('--flipped-gallery-embeddings needs --gallery-embeddings');
  }
  if (concatenated && embeddings === undefined) throw new UserError('--concatenated needs --embeddings');
  if (weights === undefined && embeddings === undefined) {
    throw new UserError(
      'give --weights, a network to evaluate, or --embeddings. To try it: npx nx run face:data -- example --out=DIR, npx nx run face:distill:ms1mv3-smoke --data=DIR, and npx nx run face:evaluate --data=DIR --weights=artifacts/face/distill/last.safetensors',
    );
  }
  if (options.unreadable === 'skip') {
    throw new UserError('--unreadable=skip leaves out pairs of verification sets; IJB needs every crop: use black');
  }
  if (new Set(variants).size < variants.length) throw new UserError('--variants names one twice');
  if (checkProcesses(options) && weights === undefined) {
    throw new UserError(
      '--workers, --listen and --join share the images of --weights; --embeddings are embedded already',
    );
  }
}
