import { extname } from 'node:path';
import { type Refuse, readBytes, refusal } from './refusal';
import { isSafetensors, parseSafetensors } from './safetensors';
import { isTorchFile, readTorchFile } from './torch/torch-file';

/** By the name, because ONNX models have no signature. */
export const isOnnx = (file: string): boolean => extname(file).toLowerCase() === '.onnx';

const torchExtensions = ['.pth', '.pt', '.bin', '.ckpt', '.tar'];

export interface WeightsFile {
  /** A Map of tensors, or whatever torch.save got. */
  readonly content: unknown;
  readonly refuse: Refuse;
}

/** Reads PyTorch's and safetensors files, which it recognises by their first bytes. @throws UserError for damaged files */
export function readWeightsFile(file: string): WeightsFile {
  const bytes = readBytes(file);
  const refuse = refusal(file, 'weights');
  if (isTorchFile(bytes)) return { content: readTorchFile(file, bytes), refuse };
  if (isSafetensors(bytes) || extname(file) === '.safetensors') {
    return { content: parseSafetensors(bytes, refusal(file, 'safetensors')).tensors, refuse };
  }
  throw refuse('it starts neither as a PyTorch file nor as a safetensors file, and its name does not end in .onnx');
}

/** Whether a file is not one of our checkpoints: PyTorch's, safetensors without our metadata, or of an unknown kind. */
export function isExternal(file: string): boolean {
  if (isOnnx(file) || torchExtensions.includes(extname(file))) return true;
  const bytes = readBytes(file);
  if (isTorchFile(bytes)) return true;
  if (!isSafetensors(bytes)) return extname(file) !== '.safetensors';
  try {
    return parseSafetensors(bytes, refusal(file, 'safetensors')).metadata.headshare === undefined;
  } catch {
    // The reader of checkpoints reports the problem.
    return false;
  }
}
