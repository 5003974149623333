import { extname } from 'node:path';
import { type Refuse, readBytes, refusal } from './refusal';
import { isSafetensors, parseSafetensors } from './safetensors';
import { isTorchFile, readTorchFile } from './torch/torch-file';

/** An ONNX model has no mark that it starts with. */
export const isOnnx = (file: string): boolean => extname(file).toLowerCase() === '.onnx';

const torchExtensions = ['.pth', '.pt', '.bin', '.ckpt', '.tar'];

export interface WeightsFile {
  /** What it holds: a Map of tensors, or whatever torch.save was given. */
  readonly content: unknown;
  readonly refuse: Refuse;
}

/** Reads PyTorch's and safetensors files, told apart by how they start. @throws UserError for damaged ones. */
export function readWeightsFile(file: string): WeightsFile {
  const bytes = readBytes(file);
  if (isTorchFile(bytes)) return { content: readTorchFile(file, bytes), refuse: refusal(file, 'weights') };
  if (isSafetensors(bytes) || extname(file) === '.safetensors') {
    return {
      content: parseSafetensors(bytes, refusal(file, 'safetensors')).tensors,
      refuse: refusal(file, 'weights'),
    };
  }
  throw refusal(
    file,
    'weights',
  )('it starts neither as a PyTorch file nor as safetensors does, and its name does not end in .onnx');
}

/** Whether a file is another program's: PyTorch's, safetensors that hold no metadata of ours, or of no known kind. */
export function isExternal(file: string): boolean {
  if (isOnnx(file) || torchExtensions.includes(extname(file))) return true;
  const bytes = readBytes(file);
  if (isTorchFile(bytes)) return true;
  if (!isSafetensors(bytes)) return extname(file) !== '.safetensors';
  try {
    return parseSafetensors(bytes, refusal(file, 'safetensors')).metadata.headshare === undefined;
  } catch {
    // Whoever reads it as a checkpoint says what is wrong with it.
    return false;
  }
}
