import { permuted } from '../../nn/torch-layout';
import { contiguousTensor, type ExternalTensor, type ExternalTensors, elementType } from '../external-tensor';
import { type Refuse, shown } from '../refusal';
import type { OnnxLayer } from './layers';

/** A layer of our network, with its names in PyTorch. */
interface Planned {
  readonly name: string;
  readonly kind: OnnxLayer['kind'];
  readonly shape: readonly number[];
  readonly parts: readonly string[];
}

export type Match =
  | { readonly tensors: ExternalTensors; readonly left: readonly OnnxLayer[] }
  /** The reason why the layers are not the network's. */
  | { readonly problem: string };

/**
 * Gives the tensors of a graph's layers, whose names exporters lose, the names of a network's variables. Each layer takes the
 * first free one of its kind and shape. A bias on a convolution or linear layer that has none in the network is a folded batch
 * norm: the norm behind it becomes one that only adds that bias. A norm that is missing behind a layer with its own bias was
 * folded too, and adds nothing.
 * @param parameters the shapes of the network's variables, in the order of their declaration
 * @returns also the unmatched layers at the end: perhaps a classifier
 */
export function matchLayers(
  layers: readonly OnnxLayer[],
  parameters: ReadonlyMap<string, readonly number[]>,
  refuse: Refuse,
): Match {
  const planned = layersPlanned(parameters);
  const open = new Set(planned);
  const place = new Map<OnnxLayer, Planned>();
  const tensors = new Map<string, ExternalTensor>();
  const left: OnnxLayer[] = [];
  const shared = sharedNames(layers);
  for (const layer of layers) {
    const fits = (one: Planned) => one.kind === layer.kind && one.shape.join() === layer.shape.join() && open.has(one);
    const before = place.get(layers[layer.after ?? -1] as OnnxLayer);
    const next = before && planned[planned.indexOf(before) + 1];
    const own = next && layer.kind === 'norm' && fits(next) ? next : planned.find(fits);
    if (!own) {
      left.push(layer);
      continue;
    }
    const renamed = [...layer.names].find(
      ([part, name]) => parameters.has(name) && name !== `${own.name}.${part}` && !shared.has(name),
    );
    if (renamed) return { problem: `its ${shown(renamed[1])} is in the place of ${own.name}` };
    open.delete(own);
    place.set(layer, own);
    for (const part of own.parts) {
      const given = layer.tensors.get(part);
      if (given) tensors.set(`${own.name}.${part}`, shaped(layer, part, given, refuse));
      else if (part !== 'bias') return { problem: `its ${own.name} has no ${part}` };
    }
    const folded = layer.tensors.get('bias');
    const norm = planned[planned.indexOf(own) + 1];
    if (folded && !own.parts.includes('bias')) {
      if (norm?.kind !== 'norm' || !open.has(norm) || norm.shape[0] !== own.shape[0]) {
        return { problem: `its layer for ${own.name} has a bias, which the network lacks` };
      }
      open.delete(norm);
      for (const [part, tensor] of normThatAdds(folded, refuse)) tensors.set(`${norm.name}.${part}`, tensor);
    }
  }
  for (const norm of [...open]) {
    const before = planned[planned.indexOf(norm) - 1];
    const isFolded = before?.parts.includes('bias') && before.kind !== 'norm' && !open.has(before);
    if (norm.kind !== 'norm' || !isFolded || before?.shape[0] !== norm.shape[0]) continue;
    open.delete(norm);
    const nothing = made(norm.shape, new Float32Array(norm.shape[0] ?? 0), refuse);
    for (const [part, tensor] of normThatAdds(nothing, refuse)) tensors.set(`${norm.name}.${part}`, tensor);
  }
  const [lacking] = open;
  return lacking ? { problem: `it lacks ${lacking.name} [${lacking.shape}]` } : { tensors, left };
}

/** Names that several layers share: exporters write equal tensors once, with the name of one of the layers. */
function sharedNames(layers: readonly OnnxLayer[]): ReadonlySet<string> {
  const names = layers.flatMap((layer) => [...layer.names.values()]);
  const once = new Set<string>();
  return new Set(names.filter((name) => once.has(name) || !once.add(name)));
}

function layersPlanned(parameters: ReadonlyMap<string, readonly number[]>): Planned[] {
  const parts = new Map<string, string[]>();
  for (const name of parameters.keys()) {
    const dot = name.lastIndexOf('.');
    const layer = name.slice(0, dot);
    parts.set(layer, [...(parts.get(layer) ?? []), name.slice(dot + 1)]);
  }
  return [...parts].map(([name, own]) => {
    const shape = parameters.get(`${name}.weight`) ?? [];
    const byRank = shape.length === 4 ? 'convolution' : shape.length === 2 ? 'linear' : 'slope';
    return { name, kind: own.includes('running_mean') ? 'norm' : byRank, shape, parts: own };
  });
}

function shaped(layer: OnnxLayer, part: string, tensor: ExternalTensor, refuse: Refuse): ExternalTensor {
  if (part !== 'weight') return tensor;
  if (layer.kind === 'slope') return made(layer.shape, tensor.values(), refuse);
  if (!layer.transposed) return tensor;
  const { values } = permuted({ shape: layer.shape.toReversed(), values: tensor.values() }, [1, 0]);
  return made(layer.shape, values, refuse);
}

/**
 * A batch norm that only adds `bias`, exactly, for any epsilon up to 1e-3: in float32 the variance 2^16 plus epsilon is 2^16,
 * and the weight is its root, 2^8.
 */
function normThatAdds(bias: ExternalTensor, refuse: Refuse): [string, ExternalTensor][] {
  const { shape } = bias;
  const filled = (value: number) => made(shape, new Float32Array(shape[0] ?? 0).fill(value), refuse);
  return [
    ['weight', filled(2 ** 8)],
    ['bias', bias],
    ['running_mean', filled(0)],
    ['running_var', filled(2 ** 16)],
  ];
}

function made(shape: readonly number[], values: Float32Array, refuse: Refuse): ExternalTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return contiguousTensor(elementType('float32', refuse), shape, data, { left: values.byteLength }, refuse);
}
