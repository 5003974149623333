import { backbones } from '../nn/registry';
import type { ImageSize } from '../system/image-size';
import { UserError } from '../system/user-error';
import { type BackboneFit, classifierName, fitBackbone } from './backbone-fit';
import type { ExternalTensors } from './external-tensor';
import { publishedSizes, type SizeHints, shapesAt } from './network-sizes';
import type { ParameterShapes } from './parameter-shapes';
import { shown } from './refusal';
import { requireFloatWeights } from './sound-values';

/** Facts about an external network that its weights do not contain. */
export interface BackboneHints {
  /** Its name; default: found from names and shapes. */
  readonly backbone?: string;
  /** Default for these three: found from the shapes, or the published sizes. */
  readonly inputSize?: ImageSize;
  readonly embeddingSize?: number;
  /** The factor on its channels. */
  readonly width?: number;
  /** The options that set these sizes, for errors: '--student-width'. */
  readonly sizeOptions?: Partial<Record<keyof SizeHints, string>>;
  /** Names, or prefixes of names, of tensors that the file may lack; 'head' is the classifier. */
  readonly allowMissing?: readonly string[];
  /** Advice in the error for a file without the classifier. */
  readonly adviceOnHead?: string;
}

/** Whether the file may lack `name`, by its full name or by a prefix. */
export function mayLack({ allowMissing = [] }: BackboneHints, name: string): boolean {
  return allowMissing.some((one) => name === one || name.startsWith(one.endsWith('.') ? one : `${one}.`));
}

/**
 * The backbone of the registry that fits a file's tensors.
 * @throws UserError when weights are integers, when the named one does not fit, or not exactly one does. It lists the missing and the unused tensors, and
 * the backbones that fit.
 */
export function chooseBackbone(file: string, tensors: ExternalTensors, hints: BackboneHints): BackboneFit {
  requireFloatWeights(file, tensors);
  if (hints.backbone !== undefined) {
    const fit = fitNamed(tensors, hints.backbone, hints);
    const problems = problemsOf(fit, hints);
    if (problems.length === 0) return fit;
    const other = otherSizes(fitNamed(tensors, hints.backbone, withoutSizes(hints)), hints);
    if (other) throw new UserError(`${file} holds ${hints.backbone} ${other}.`, 1);
    const others = every(tensors, hints).filter((one) => problemsOf(one, hints).length === 0);
    const hint = others.length > 0 ? ` The file fits ${namesOf(others)}.` : '';
    throw new UserError(`${file} does not fit ${hints.backbone}: ${problems.join('; ')}.${hint}`, 1);
  }
  const fits = every(tensors, hints);
  const good = fits.filter((fit) => problemsOf(fit, hints).length === 0);
  const [only] = good;
  if (only && good.length === 1) return only;
  if (only) throw new UserError(`${file} fits ${namesOf(good)}: name one of them.`, 1);
  const [closest] = fits.sort((a, b) => distance(a) - distance(b));
  if (!closest || closest.found.size === 0) {
    throw new UserError(`${file} fits no known network: it shares no name with any.`, 1);
  }
  const why = problemsOf(closest, hints).join('; ');
  throw new UserError(`${file} fits no known network; the closest is ${namesOf([closest])}: ${why}.`, 1);
}

/** All backbones; those whose names are the closest to the file's at the sizes that its shapes tell. */
function every(tensors: ExternalTensors, hints: BackboneHints): BackboneFit[] {
  const fits = backbones.all.map((definition) => fitBackbone(tensors, definition, hints, 'published'));
  const apart = fits.map(({ missing, left }) => missing.length + left.length);
  const least = Math.min(...apart);
  return fits.map((fit, index) =>
    fit.misshapen.length > 0 && apart[index] === least ? fitBackbone(tensors, fit.definition, hints, 'file') : fit,
  );
}

const withoutSizes = ({ width: _, embeddingSize: __, inputSize: ___, ...others }: BackboneHints): BackboneHints =>
  others;

/** The sizes of a network that fits but for the sizes in `hints`, and what would be right; undefined where more differs. */
function otherSizes(fit: BackboneFit, hints: BackboneHints): string | undefined {
  if (problemsOf(fit, hints).length > 0) return undefined;
  const { width, inputSize } = fit.sizes;
  const facts = [
    ['width', 'of width', width],
    ['embeddingSize', 'with embeddings of length', fit.embeddingSize],
    ['inputSize', 'for images of size', inputSize],
  ] as const;
  const [wrong] = facts.filter(([size, , own]) => hints[size] !== undefined && hints[size] !== own);
  if (!wrong) return undefined;
  const [size, words, own] = wrong;
  const option = hints.sizeOptions?.[size];
  const advice = option === undefined ? '' : `: give ${option}=${own}, or another file`;
  return `${words} ${own}, not ${hints[size]}${advice}`;
}

const namesOf = (fits: readonly BackboneFit[]) => fits.map(({ definition }) => definition.name).join(', ');

/** The parameter shapes of a named backbone, with the sizes from the hints, or the published ones. */
export function parameterShapesOf(name: string, hints: BackboneHints): ParameterShapes {
  const definition = backbones.named(name);
  return shapesAt(definition, publishedSizes(definition, hints));
}

function fitNamed(tensors: ExternalTensors, name: string, hints: BackboneHints): BackboneFit {
  if (!backbones.names.includes(name)) {
    throw new UserError(`There is no backbone named '${shown(name)}'; known are ${backbones.names.join(', ')}.`);
  }
  return fitBackbone(tensors, backbones.named(name), hints, 'file');
}

/** The number of names that do not match, less those that do: the smaller, the closer. */
function distance({ found, missing, misshapen, left }: BackboneFit): number {
  return missing.length + left.length + misshapen.length - found.size;
}

/** Clauses that name what does not fit; none where everything does. */
function problemsOf(fit: BackboneFit, hints: BackboneHints): string[] {
  const { definition, embeddingSize, missing, misshapen, classifier, left, prefix, rivals } = fit;
  const lacking = missing.filter((name) => !mayLack(hints, name));
  const layer = `${classifierName(definition, shapesAt(definition, fit.sizes))}.weight`;
  const columns = classifier?.weight.shape[1];
  const shapes = misshapen.map(({ name, file, own }) => `${name} is [${file}] and not [${own}]`);
  if (classifier && (classifier.weight.shape.length !== 2 || columns !== embeddingSize)) {
    shapes.push(`${shown(classifier.name)}.weight is [${classifier.weight.shape}] and not [classes,${embeddingSize}]`);
  }
  const bias = classifier?.bias?.shape;
  if (bias && (bias.length !== 1 || bias[0] !== classifier?.weight.shape[0])) {
    shapes.push(`${shown(classifier?.name ?? '')}.bias is [${bias}] and not [${classifier?.weight.shape[0]}]`);
  }
  return [
    ...(rivals.length > 0
      ? [`its names start with ${some([prefix, ...rivals].map(withoutDot))}, and one must be chosen`]
      : []),
    ...(lacking.length > 0 ? [`it lacks ${some(lacking)}`] : []),
    ...(classifier || mayLack(hints, 'head')
      ? []
      : [`it lacks the classifier ${layer} (${hints.adviceOnHead ?? "allow 'head' to be missing"})`]),
    ...(left.length > 0 && rivals.length === 0 ? [`left over are ${some(left, shown)}`] : []),
    ...(shapes.length > 0 ? [some(shapes)] : []),
  ];
}

const withoutDot = (prefix: string) => shown(prefix.replace(/\.$/, ''));

function some(names: readonly string[], show = (name: string): string => name): string {
  const rest = names.length - 4;
  return names.slice(0, 4).map(show).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
