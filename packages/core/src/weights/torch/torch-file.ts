/**
 * Reads files of torch.save without running any code in them: a zip with a pickle and a file for each storage
 * (torch/serialization.py), or, before PyTorch 1.6, consecutive pickles followed by the storages.
 */
import { Cursor } from '../cursor';
import { elementType, isExternalTensor, Storage } from '../external-tensor';
import { type FileBytes, pieceBytes } from '../file-bytes';
import { isTorchScript, torchScript, zipKind } from '../file-kinds';
import { isCount, type Refuse, refusal, shown } from '../refusal';
import { readPickle } from './pickle-operations';
import { itemsOf, type PickleContext } from './pickle-values';
import { type StorageId, storageId, torchGlobals } from './torch-globals';
import { openZip, type ZipArchive } from './zip-archive';

const zipStart = Buffer.from('PK\x03\x04', 'latin1');
// A pickle of the number 0x1950a86a20f9469cfc6c.
const oldStart = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
const oldProtocol = 1001;

/** Whether the bytes start like a file of torch.save, in either format. */
export function isTorchFile(bytes: FileBytes): boolean {
  return startsWith(bytes, zipStart) || startsWith(bytes, oldStart);
}

const startsWith = (bytes: FileBytes, start: Buffer): boolean =>
  bytes.length >= start.length && bytes.bytes(0, start.length).equals(start);

/**
 * The saved value: dicts become Maps, lists arrays, tuples `Tuple`s, tensors `ExternalTensor`s, and objects of unknown classes
 * `PickleRecord`s. It may refer to itself.
 * @throws UserError for files that are damaged, name anything outside a state dict, or ask for more memory than they have bytes
 */
export function readTorchFile(file: string, bytes: FileBytes): unknown {
  const refuse = refusal(file, 'a PyTorch file');
  if (!isTorchFile(bytes)) throw refuse('it does not start like one');
  const content = startsWith(bytes, zipStart) ? readZipped(bytes, refuse) : readOld(bytes, refuse);
  refuseUnread(content, refuse);
  return content;
}

/** @throws UserError naming the first tensor whose numbers are of a type that is not read, such as 8-bit floats */
function refuseUnread(content: unknown, refuse: Refuse): void {
  const seen = new Set<unknown>();
  const open: [string, unknown][] = [['', content]];
  for (let item = open.pop(); item; item = open.pop()) {
    const [path, value] = item;
    if (seen.has(value)) continue;
    seen.add(value);
    if (isExternalTensor(value)) {
      elementType(value.type.name, (why) =>
        refuse(path === '' ? why : why.replace(/^it /, `its tensor ${shown(path)} `)),
      );
    } else if (value instanceof Map || Array.isArray(value)) {
      const inside = [...value.entries()].map(([key, one]): [string, unknown] => [joined(path, key), one]);
      for (const one of inside.reverse()) open.push(one);
    }
  }
}

const longestPath = 200;

function joined(path: string, key: unknown): string {
  const name = typeof key === 'string' || typeof key === 'number' ? `${key}` : '?';
  return `${path === '' ? '' : `${path}.`}${name}`.slice(0, longestPath);
}

/** A text that was written beside the tensors; undefined where there is none. */
export function textIn(file: string, bytes: FileBytes, name: string): string | undefined {
  if (!startsWith(bytes, zipStart)) return undefined;
  return openZip(bytes, refusal(file, 'a PyTorch file')).read(`archive/${name}`)?.toString('utf8');
}

function readZipped(bytes: FileBytes, refuse: Refuse): unknown {
  const archive = openZip(bytes, refuse);
  const pickles = archive.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (isTorchScript(archive.names)) throw refuse(torchScript);
  if (pickle === undefined) throw refuse(zipKind(archive.names));
  if (pickles.length > 1) throw refuse('it is a zip file with several data.pkl');
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = archive.read(`${folder}byteorder`)?.toString('latin1') ?? 'little';
  if (order !== 'little')
    throw refuse(`its numbers are in ${shown(order)}-endian order; save it on a little-endian machine`);
  const storages = zippedStorages(archive, folder, bytes.length, refuse);
  return readPickle(new Cursor(archive.read(pickle) ?? Buffer.alloc(0), refuse), rules(storages));
}

const rules = (find: (id: StorageId, context: PickleContext) => Storage) => ({
  globals: torchGlobals,
  content: 'a state dict',
  persistent: (id: unknown, context: PickleContext) => find(storageId(id, context), context),
});

function zippedStorages(archive: ZipArchive, folder: string, size: number, refuse: Refuse) {
  const budget = { left: size };
  return keptByKey(refuse, ({ type: name, key, elements }) => {
    const type = elementType(name, refuse);
    const data = archive.view(`${folder}data/${key}`);
    if (!data) throw refuse(`its storage ${shown(key)} is missing`);
    if (!isCount(elements) || elements * type.bytes > data.byteLength) {
      throw refuse(`its storage ${shown(key)} has ${data.byteLength} bytes, fewer than stated`);
    }
    return new Storage(type, elements, data, budget);
  });
}

/** Makes each storage once, and checks that later ids agree with the first. */
function keptByKey(refuse: Refuse, make: (id: StorageId) => Storage): (id: StorageId) => Storage {
  const storages = new Map<string, Storage>();
  return (id) => {
    const storage = storages.get(id.key) ?? make(id);
    storages.set(id.key, storage);
    if (storage.type.name !== id.type || storage.elements !== id.elements) {
      throw refuse(`its storage ${shown(id.key)} is described in two ways`);
    }
    return storage;
  };
}

/** Magic number, protocol, sizes of the machine's types, the saved value, the keys of its storages, the storages. */
function readOld(bytes: FileBytes, refuse: Refuse): unknown {
  // The pickles come before all numbers.
  const input = new Cursor(bytes.bytes(0, Math.min(bytes.length, pieceBytes)), refuse, oldStart.length);
  const plain = { globals: new Map(), content: 'a state dict' };
  if (readPickle(input, plain) !== oldProtocol) throw refuse('its format is unknown');
  const machine = readPickle(input, plain);
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) {
    throw refuse('its numbers are not in little-endian order; save it on a little-endian machine');
  }
  const budget = { left: bytes.length };
  const storages = new Map<string, Storage>();
  const find = keptByKey(refuse, ({ type: name, key, elements, part }) => {
    const type = elementType(name, refuse);
    if (part !== null && part !== undefined) {
      throw refuse('it is of a very old format: convert it in PyTorch with torch.save(torch.load(file), file)');
    }
    if (!isCount(elements) || elements * type.bytes > bytes.length) {
      throw refuse(`its storage ${shown(key)} asks for more bytes than it has`);
    }
    const storage = new Storage(type, elements, undefined, budget);
    storages.set(key, storage);
    return storage;
  });
  const content = readPickle(input, rules(find));
  const keys = itemsOf(readPickle(input, plain)) ?? [];
  let { at } = input;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (typeof key !== 'string' || !storage || storage.data)
      throw refuse('its list of storages does not fit its tensors');
    const size = new Cursor(bytes.bytes(at, Math.min(at + 8, bytes.length)), refuse).uint64();
    if (size !== storage.elements) throw refuse(`its storage ${shown(key)} has another size than stated`);
    const from = at + 8;
    at = from + size * storage.type.bytes;
    if (at > bytes.length) throw refuse('it ends in the middle');
    storage.data = bytes.view(from, at);
  }
  if ([...storages.values()].some(({ data }) => !data)) throw refuse('some of its storages are missing');
  return content;
}
