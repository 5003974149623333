/** What an exported file says about its network: what shapes do not tell, such as its head, normalisation or blend. */
import type { NetworkDescription } from '../nn/network';
import { backbones, heads } from '../nn/registry';
import { parseImageSize } from '../system/image-size';
import { isRecord } from '../system/is-record';
import { classifierName } from './backbone-fit';
import { type ExternalTensor, type ExternalTensors, isExternalTensor } from './external-tensor';
import { parameterShapes, variableShapes } from './parameter-shapes';

/** The entry of a PyTorch file, and the key of safetensors' metadata, that hold the description as JSON. */
export const descriptionKey = 'headshare-network';

/** The name of the head's layer in the reference of a network. */
export function referenceHead({ backbone, width, inputSize, embeddingSize }: NetworkDescription): string {
  const sizes = { width, inputSize, ...(embeddingSize !== undefined && { embeddingSize }) };
  return classifierName(backbones.named(backbone), parameterShapes({ backbone, ...sizes }));
}

/** The network in an exported file, by our names; undefined where the description is not that of the tensors. */
export function describedTensors(
  json: string | undefined,
  content: unknown,
): { readonly description: NetworkDescription; readonly tensors: ExternalTensors } | undefined {
  const description = json === undefined ? undefined : parsed(json);
  if (!description || !(content instanceof Map)) return undefined;
  try {
    const layer = referenceHead(description);
    const ours = new Map<string, ExternalTensor>();
    for (const [name, tensor] of content as ReadonlyMap<unknown, unknown>) {
      if (typeof name !== 'string' || !isExternalTensor(tensor)) return undefined;
      ours.set(name.startsWith(`${layer}.`) ? `head.${name.slice(layer.length + 1)}` : name, tensor);
    }
    const shapes = variableShapes(description);
    const isWhole =
      shapes.size === ours.size && [...shapes].every(([name, shape]) => ours.get(name)?.shape.join() === shape.join());
    return isWhole ? { description, tensors: ours } : undefined;
  } catch {
    // Somebody changed the description: the shapes tell what they can.
    return undefined;
  }
}

// Networks of greater width would take minutes to describe.
const widest = 64;

function parsed(json: string): NetworkDescription | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (!isRecord(value)) return undefined;
    const { backbone, head, inputSize, width, classes } = value;
    const isKnown = backbones.names.includes(`${backbone}`) && heads.names.includes(`${head}`);
    const hasSizes = [width, classes].every((size) => typeof size === 'number' && size > 0) && Number(width) <= widest;
    if (parseImageSize(`${inputSize}`) !== inputSize) return undefined;
    return isKnown && hasSizes ? (value as unknown as NetworkDescription) : undefined;
  } catch {
    return undefined;
  }
}
