import { file, flag, folder, list, oneOf, optional, text, type Values } from '@headshare/core/experiment/option';
import { trainingOptions } from '@headshare/core/recipes/training-options';
import { UserError } from '@headshare/core/system/user-error';
import { setNames } from './meta/sets';

/** What features are made of, by the names of insightface's script. */
export const variantNames = ['F1N1D1', 'F1N1D0', 'F1N0D1', 'F1N0D0', 'F0N1D1', 'F0N1D0', 'F0N0D1', 'F0N0D0'] as const;

export type Variant = (typeof variantNames)[number];

/** Of `face:evaluate`. */
export const evaluateOptions = {
  protocol: oneOf(setNames, 'ijbc', { help: 'which set: IJB-B or IJB-C' }),
  data: optional(
    folder({
      help: 'a folder with IJBB or IJBC as insightface has them; default: data/face, or face in HEADSHARE_DATA',
    }),
  ),
  weights: optional(file({ help: 'the network to evaluate: a checkpoint, or weights of another program' })),
  galleryWeights: optional(
    file({
      help: 'another network, the teacher, that embeds the first template of each pair; --weights embeds the second',
    }),
  ),
  embeddings: optional(
    file({
      help: 'embeddings instead of a network: .f32, .npy or .safetensors, a row an image in the order of the meta files',
    }),
  ),
  flippedEmbeddings: optional(file({ help: 'those of the mirror images' })),
  galleryEmbeddings: optional(file({ help: "another network's, for the first template of each pair" })),
  flippedGalleryEmbeddings: optional(file({ help: 'those of the mirror images' })),
  concatenated: flag({ help: "each row of --embeddings has the mirror image's behind the image's" }),
  variants: list<Variant>(oneOf(variantNames, 'F1N1D1', { help: '' }), {
    default: ['F1N1D1'],
    help: "features: F1 adds the mirror image's, N1 keeps their length, D1 multiplies them by the detector's score",
  }),
  unreadable: oneOf(['fail', 'black'], 'fail', {
    help: 'what becomes of a crop that is missing or damaged: the run fails and names it, or a black image is embedded',
  }),
  embeddingsCache: optional(
    text({ help: "where networks' embeddings are kept, for the next run to go on from; default: .cache/embeddings" }),
  ),
  batchSize: trainingOptions.batchSize,
};

export type EvaluateValues = Values<typeof evaluateOptions>;

/** @throws UserError for options that are valid each by itself, but not together. */
export function checkEvaluation(options: EvaluateValues): void {
  const { weights, galleryWeights, embeddings, flippedEmbeddings, galleryEmbeddings, concatenated, variants } = options;
  const { flippedGalleryEmbeddings } = options;
  if (weights !== undefined && embeddings !== undefined) {
    throw new UserError('--weights and --embeddings exclude one another: what is evaluated is one or the other');
  }
  if (weights === undefined && galleryWeights !== undefined) {
    throw new UserError('--gallery-weights needs --weights, the network that embeds the second template of each pair');
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
      'give --weights, a network to evaluate, or --embeddings that one has made. To try it: npx nx run face:data -- example --out=DIR, npx nx run face:distill:ms1mv3-smoke --data=DIR, and npx nx run face:evaluate --data=DIR --weights=artifacts/face/distill/last.safetensors',
    );
  }
  if (new Set(variants).size < variants.length) throw new UserError('--variants names one twice');
}
