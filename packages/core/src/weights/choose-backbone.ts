import { backbones } from '../nn/registry';
import { UserError } from '../system/user-error';
import { type BackboneFit, classifierName, fitBackbone } from './backbone-fit';
import { type ParameterShapes, parameterShapes } from './parameter-shapes';
import { shown } from './refusal';
import type { ExternalTensors } from './state-dict';

/** What of a foreign network its weights do not say. */
export interface BackboneHints {
  /** Its name; found out by names and shapes unless told. */
  readonly backbone?: string;
  /** The published one unless told. */
  readonly inputSize?: number;
  readonly embeddingSize?: number;
  /** Names, or what names start with, of what the file may lack; 'head' is the classifier. */
  readonly allowMissing?: readonly string[];
  /** What to say to someone whose file lacks the classifier. */
  readonly adviceOnHead?: string;
}

/** Whether `name` is allowed to be missing, by itself or with all that starts so. */
export function mayLack({ allowMissing = [] }: BackboneHints, name: string): boolean {
  return allowMissing.some((one) => name === one || name.startsWith(one.endsWith('.') ? one : `${one}.`));
}

/**
 * The backbone of the registry that a file's tensors are of.
 * @throws UserError where the one that is named does not fit, or not exactly one does: with all that is missing and left
 *   over, and what would fit.
 */
export function chooseBackbone(file: string, tensors: ExternalTensors, hints: BackboneHints): BackboneFit {
  const every = () => backbones.all.map(({ name }) => fitNamed(tensors, name, hints));
  if (hints.backbone !== undefined) {
    const fit = fitNamed(tensors, hints.backbone, hints);
    const problems = problemsOf(fit, hints);
    if (problems.length === 0) return fit;
    const others = every().filter((other) => problemsOf(other, hints).length === 0);
    const hint = others.length > 0 ? ` The file fits ${namesOf(others)}.` : '';
    throw new UserError(`${file} does not fit ${hints.backbone}: ${problems.join('; ')}.${hint}`, 1);
  }
  const fits = every();
  const good = fits.filter((fit) => problemsOf(fit, hints).length === 0);
  const [only] = good;
  if (only && good.length === 1) return only;
  if (only) throw new UserError(`${file} fits ${namesOf(good)}: say which of them it is.`, 1);
  const [closest] = fits.sort((a, b) => distance(a) - distance(b));
  if (!closest || closest.found.size === 0) {
    throw new UserError(`${file} fits no network that is known here: none of its names is one of theirs.`, 1);
  }
  const why = problemsOf(closest, hints).join('; ');
  const { missing, left, misshapen, found } = closest;
  const isNarrow = missing.length === 0 && left.length === 0 && misshapen.length > found.size / 2;
  const advice = isNarrow
    ? ': it is of another width, and only full ones are recognised; of a network exported here, name the checkpoint'
    : '';
  throw new UserError(
    `${file} fits no network that is known here; the closest is ${namesOf([closest])}: ${why}${advice}.`,
    1,
  );
}

const namesOf = (fits: readonly BackboneFit[]) => fits.map(({ definition }) => definition.name).join(', ');

/** The plan of a named backbone with what is known of it. */
export function parameterShapesOf(name: string, { inputSize, embeddingSize }: BackboneHints): ParameterShapes {
  const definition = backbones.named(name);
  const size = inputSize ?? definition.inputSize;
  return parameterShapes({
    backbone: definition.name,
    width: 1,
    inputSize: size,
    ...(embeddingSize && { embeddingSize }),
  });
}

function fitNamed(tensors: ExternalTensors, name: string, hints: BackboneHints): BackboneFit {
  if (!backbones.names.includes(name)) {
    throw new UserError(`There is no backbone named '${shown(name)}'; known are ${backbones.names.join(', ')}.`);
  }
  return fitBackbone(tensors, backbones.named(name), parameterShapesOf(name, hints));
}

/** Names that do not go together, of those where it matters which is nearest. */
function distance({ found, missing, misshapen, left }: BackboneFit): number {
  return missing.length + left.length + misshapen.length - found.size;
}

/** Clauses that say what is wrong; none for a fit. */
function problemsOf(fit: BackboneFit, hints: BackboneHints): string[] {
  const { definition, embeddingSize, missing, misshapen, classifier, left, prefix, rivals } = fit;
  const lacking = missing.filter((name) => !mayLack(hints, name));
  const layer = `${classifierName(definition, parameterShapesOf(definition.name, hints))}.weight`;
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
      ? [`its names start with ${some([prefix, ...rivals].map(withoutDot))}, and which is meant must be said`]
      : []),
    ...(lacking.length > 0 ? [`it lacks ${some(lacking)}`] : []),
    ...(classifier || mayLack(hints, 'head')
      ? []
      : [`it lacks the classifier ${layer} (${hints.adviceOnHead ?? "allow 'head' to be missing"})`]),
    ...(left.length > 0 && rivals.length === 0 ? [`left over are ${some(left.map(shown))}`] : []),
    ...(shapes.length > 0 ? [some(shapes)] : []),
  ];
}

const withoutDot = (prefix: string) => shown(prefix.replace(/\.$/, ''));

function some(names: readonly string[]): string {
  const rest = names.length - 4;
  return names.slice(0, 4).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
