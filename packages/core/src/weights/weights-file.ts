import { extname } from 'node:path';
import { descriptionKey } from './exported-description';
import type { FileBytes } from './file-bytes';
import { otherKind } from './file-kinds';
import { type Refuse, refusal, withFile } from './refusal';
import { isSafetensors, parseSafetensors } from './safetensors';
import { isIndex, readParts } from './split-weights';
import { isTorchFile, readTorchFile, textIn } from './torch/torch-file';

/** By the name, because ONNX models have no signature. */
export const isOnnx = (file: string): boolean => extname(file).toLowerCase() === '.onnx';

const torchExtensions = ['.pth', '.pt', '.bin', '.ckpt', '.tar'];

export interface WeightsFile {
  /** A Map of tensors, or whatever torch.save got. */
  readonly content: unknown;
  readonly refuse: Refuse;
  /** What an export says about its network: see `describedTensors`. */
  readonly description?: string | undefined;
}

/**
 * Reads PyTorch's and safetensors files, which it recognises by their first bytes, and the parts that an index lists
 * (`model.safetensors.index.json`).
 * @throws UserError for damaged files, and for other kinds, which it names
 */
export function readWeightsFile(file: string): WeightsFile {
  const refuse = refusal(file, 'weights');
  if (isIndex(file)) return { content: readParts(file, (part) => readWeightsFile(part).content), refuse };
  return withFile(file, (bytes) => readContent(file, bytes, refuse));
}

function readContent(file: string, bytes: FileBytes, refuse: Refuse): WeightsFile {
  if (isTorchFile(bytes)) {
    return { content: readTorchFile(file, bytes), refuse, description: textIn(file, bytes, descriptionKey) };
  }
  const kind = otherKind(file, bytes);
  if (kind !== undefined) throw refuse(kind);
  if (isSafetensors(bytes) || extname(file) === '.safetensors') {
    const { tensors, metadata } = parseSafetensors(bytes, refuse);
    const about = metadata[descriptionKey];
    return { content: tensors, refuse, description: typeof about === 'string' ? about : undefined };
  }
  throw refuse('it starts neither as a PyTorch file nor as a safetensors file, and its name does not end in .onnx');
}

const metadataEnd = 1 << 20;

/** Whether a file is not one of our checkpoints: PyTorch's, safetensors without our metadata, or of another kind. */
export function isExternal(file: string): boolean {
  if (isOnnx(file) || isIndex(file) || torchExtensions.includes(extname(file))) return true;
  return withFile(file, (bytes) => {
    if (isTorchFile(bytes) || otherKind(file, bytes) !== undefined) return true;
    if (!isSafetensors(bytes) && extname(file) !== '.safetensors') return true;
    // A damaged checkpoint is still a checkpoint. Its metadata stand first in the header.
    return !bytes.bytes(0, Math.min(bytes.length, metadataEnd)).includes('"headshare"');
  });
}
