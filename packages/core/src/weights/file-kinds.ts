/** Recognises files that hold no weights that can be read here, so that errors name what they are. */
import { extname } from 'node:path';
import { type FileBytes, ranges } from './file-bytes';
import { shown } from './refusal';

/** Where the bytes of a file start with one of these, it is of that kind, and this can be done about it. */
const signatures: readonly (readonly [start: string, why: string])[] = [
  ['version https://git-lfs.github.com/spec/', 'it is a pointer of Git LFS: fetch the file itself, with git lfs pull'],
  ['GGUF', 'it is a GGUF file of llama.cpp, which holds no network that is known here'],
  ['\x89HDF\r\n\x1a\n', 'it is an HDF5 file (Keras): only PyTorch, safetensors and ONNX files are read'],
  ['\x93NUMPY', 'it is an array of NumPy, not a network'],
  ['\x1f\x8b', 'it is compressed with gzip: unpack it first'],
  ['BZh', 'it is compressed with bzip2: unpack it first'],
  ['\xfd7zXZ\0', 'it is compressed with xz: unpack it first'],
  ['\x28\xb5\x2f\xfd', 'it is compressed with zstd: unpack it first'],
  ['7z\xbc\xaf\x27\x1c', 'it is a 7z archive: unpack it first'],
  ['Rar!', 'it is a RAR archive: unpack it first'],
  ['\x12\x01\0\0\0\0\0\0', 'it holds parameters of MXNet: convert them to PyTorch or ONNX first'],
  ['\xff\xd8\xff', 'it is a picture'],
  ['\x89PNG', 'it is a picture'],
  ['%PDF', 'it is a PDF document'],
];

const keras = 'it is a model of Keras or TensorFlow: only PyTorch, safetensors and ONNX files are read';

/** Kinds without a signature, by the ending of their names. */
const endings: Readonly<Record<string, string>> = {
  '.pb': keras,
  '.h5': keras,
  '.keras': keras,
  '.tflite': 'it is a model of TensorFlow Lite: only PyTorch, safetensors and ONNX files are read',
  '.msgpack': 'it holds parameters of Flax: convert them to PyTorch or safetensors first',
  '.pdparams': 'it holds parameters of PaddlePaddle: convert them to PyTorch or ONNX first',
  '.params': 'it holds parameters of MXNet: convert them to PyTorch or ONNX first',
  '.caffemodel': 'it is a model of Caffe: convert it to PyTorch or ONNX first',
  '.weights': 'it holds weights of Darknet: convert them to PyTorch or ONNX first',
  '.mlmodel': 'it is a model of Core ML: only PyTorch, safetensors and ONNX files are read',
};

const textStart = /^(\ufeff)?\s*(<!doctype|<html|<\?xml|<head|<error)/i;

/** Why a file that starts neither like PyTorch's nor like safetensors cannot be read: a clause that names its kind. */
export function otherKind(file: string, all: FileBytes): string | undefined {
  if (all.length === 0) return 'it is empty';
  const bytes = all.bytes(0, Math.min(all.length, 512));
  const start = bytes.toString('latin1', 0, 64);
  const signed = signatures.find(([signature]) => start.startsWith(signature));
  if (signed) return signed[1];
  if (textStart.test(bytes.toString('utf8'))) {
    return 'it is a web page, perhaps the error message of a download: fetch the file itself';
  }
  if (bytes.toString('latin1', 257, 262) === 'ustar') return 'it is a tar archive: unpack it first';
  if (bytes.toString('latin1', 4, 8) === 'TFL3') return endings['.tflite'];
  if (isZero(all)) return 'it consists of zeros: the download may be incomplete';
  const ending = endings[extname(file).toLowerCase()];
  if (ending !== undefined) return ending;
  const [first = 0, second = 0, third = 0] = bytes;
  if (first === 0x80 && second >= 2 && second <= 5) {
    return 'it is a pickle of Python that torch.save did not write: in Python, torch.save(the dict of tensors, file)';
  }
  // A ModelProto starts with its version, a small number, and the text of its producer.
  if (first === 8 && second >= 3 && second < 16 && third === 0x12) return 'it looks like an ONNX model: name it .onnx';
  if (/^\s*[[{]/.test(start)) return 'it is JSON text, not weights';
  return undefined;
}

// Most files end the search in the first piece.
const zerosAtOnce = 2 ** 20;

function isZero(all: FileBytes): boolean {
  for (const [from, to] of ranges(all.length, zerosAtOnce)) {
    if (all.bytes(from, to).some((byte) => byte !== 0)) return false;
  }
  return true;
}

/** What a zip archive without torch.save's `data.pkl` is, by the names in it. */
export function zipKind(names: readonly string[]): string {
  const ends = (ending: string) => names.length > 0 && names.every((name) => name.endsWith(ending));
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (ends('.npy')) return 'it is an .npz archive of NumPy: only PyTorch, safetensors and ONNX files are read';
  if (has(/^(config\.json|model\.weights\.h5)$/)) return keras;
  if (has(/serialized_exported_program|(^|\/)models\/.*\.(json|pt2)$|archive_format$/)) {
    return 'it is a program of torch.export: save its state dict, with torch.save(program.state_dict, file)';
  }
  const some = names.slice(0, 3).map(shown).join(', ');
  return `it is a zip archive without torch.save's data.pkl${some === '' ? '' : ` (it holds ${some})`}: unpack it first`;
}

/** Whether the names in a zip archive are those of TorchScript, whose tensors are the state of a program. */
export const isTorchScript = (names: readonly string[]): boolean =>
  names.some((name) => /^[^/]+\/constants\.pkl$/.test(name)) && names.some((name) => /^[^/]+\/code\//.test(name));

export const torchScript =
  'it is a program of TorchScript: in Python, torch.save(torch.jit.load(file).state_dict(), other_file)';
