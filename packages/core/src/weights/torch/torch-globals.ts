/** The globals in a file of torch.save, and its tensors (torch/_utils.py). */
import { type ElementType, elementTypes } from '../element-types';
import { type ExternalTensor, isExternalTensor, Storage, stridedTensor } from '../external-tensor';
import { numpyGlobals } from './numpy-globals';
import { itemsOf, type Make, type PickleContext, PickleGlobal, type PickleGlobals } from './pickle-values';
import { makeDict, pythonGlobals } from './python-globals';

const storageTypes: Readonly<Record<string, string>> = {
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  ShortStorage: 'int16',
  IntStorage: 'int32',
  LongStorage: 'int64',
  BoolStorage: 'bool',
  QInt8Storage: 'qint8',
  QUInt8Storage: 'quint8',
  QInt32Storage: 'qint32',
  // Its tensors name their types themselves.
  UntypedStorage: 'uint8',
};

/** The persistent id of a storage: `('storage', type, key, location, count, ...)`. */
export interface StorageId {
  readonly type: string;
  readonly key: string;
  readonly elements: unknown;
  /** In old files a storage may be a part of another. */
  readonly part: unknown;
}

/** @throws UserError for the id of anything else (whole modules, in old files) */
export function storageId(id: unknown, context: PickleContext): StorageId {
  const [kind, type, key, , elements, part] = itemsOf(id) ?? [];
  const name = type instanceof PickleGlobal ? storageTypes[type.name.replace(/^torch\.(storage\.)?/, '')] : undefined;
  if (kind !== 'storage' || !name || typeof key !== 'string') {
    throw context.refuse(
      'it holds more than tensors: save the state dict alone, with torch.save(model.state_dict(), file)',
    );
  }
  return { type: name, key, elements, part };
}

/** (storage, offset, size, strides, ...) */
const rebuildTensor: Make = ([storage, offset, size, strides], context): ExternalTensor => {
  const shape = itemsOf(size);
  const steps = itemsOf(strides);
  if (!(storage instanceof Storage) || !shape || !steps) throw context.refuse('one of its tensors is damaged');
  const view = { shape: shape as readonly number[], strides: steps as readonly number[], offset: offset as number };
  return stridedTensor(storage, view, (why) => context.refuse(why));
};

/** (untyped storage, offset, size, strides, requires grad, hooks, type, ...): the newest types. */
const rebuildTypedTensor: Make = (args, context) => {
  const [storage, offset, size, strides, , , type] = args;
  if (!(storage instanceof Storage) || !storage.data || !(type instanceof PickleGlobal)) {
    throw context.refuse('one of its tensors is damaged');
  }
  const own = typeNamed(type.name.replace(/^torch\./, ''));
  const count = Math.floor((storage.elements * storage.type.bytes) / own.bytes);
  return rebuildTensor([new Storage(own, count, storage.data, storage.budget), offset, size, strides], context);
};

/** Types that only `readTorchFile` refuses, once the tensor's name is known, have no numbers. */
function typeNamed(name: string): ElementType {
  const bytes = { complex64: 8, complex128: 16 }[name] ?? 1;
  return elementTypes.get(name) ?? { name, bytes, read: () => Number.NaN };
}

/** (tensor, ...) */
const rebuildParameter: Make = ([tensor], context) => {
  if (!isExternalTensor(tensor)) throw context.refuse('one of its parameters is damaged');
  return tensor;
};

/** (tuple) */
const size: Make = ([items], context) => {
  if (!itemsOf(items)) throw context.refuse('a shape in it is damaged');
  return items;
};

/** Dicts of settings in checkpoints of training frameworks, which are read as dicts. */
const settings = [
  'pytorch_lightning.utilities.parsing.AttributeDict',
  'lightning.pytorch.utilities.parsing.AttributeDict',
  'lightning_fabric.utilities.data.AttributeDict',
  'lightning.fabric.utilities.data.AttributeDict',
  'yacs.config.CfgNode',
  'easydict.EasyDict',
  'addict.addict.Dict',
];

const typeNames = [...elementTypes.keys(), 'float8_e4m3fn', 'float8_e5m2', 'complex64', 'complex128'];

export const torchGlobals: PickleGlobals = new Map<string, Make | 'record' | 'name'>([
  ...pythonGlobals,
  ...numpyGlobals,
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildTypedTensor],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  // Read without scales, so that errors can name the tensor.
  ['torch._utils._rebuild_qtensor', rebuildTensor],
  ...['per_tensor_affine', 'per_channel_affine', 'per_tensor_symmetric', 'per_channel_symmetric'].map(
    (name) => [`torch.${name}`, 'name'] as const,
  ),
  ['torch.Size', size],
  ...settings.map((name) => [name, makeDict] as const),
  ['torch.device', 'record'],
  ...Object.keys(storageTypes).flatMap((name) => [
    [`torch.${name}`, 'name'] as const,
    [`torch.storage.${name}`, 'name'] as const,
  ]),
  ...typeNames.map((name) => [`torch.${name}`, 'name'] as const),
]);
