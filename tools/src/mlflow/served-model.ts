import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import onnx from '@headshare/core/delivery/formats/onnx';
import { usualOutputs } from '@headshare/core/delivery/make-card';
import { inputName } from '@headshare/core/delivery/network-graph';
import { exportModel } from '@headshare/core/export/export-model';
import { dataOf, noise, picturesOf } from '@headshare/core/export/pictures';
import { findSource, type Source } from '@headshare/core/export/source';
import { inputTensor, nestedPixels, outputTensors, servableFile } from '@headshare/core/recipes/servable-network';
import { sides } from '@headshare/core/system/image-size';
import { modelTexts } from '@headshare/core/tracking/sync/model-texts';

/**
 * Writes a network as a model that MLflow loads and serves by itself.
 * @param word a run's folder, key or id in MLflow, or a file of weights
 * @param folder an empty folder
 * @returns what the network is, and a file with an example request
 * @throws UserError for no such run
 */
export async function writeServedModel(
  word: string,
  folder: string,
  root: string,
): Promise<{ readonly title: string; readonly example: string }> {
  const source = await findSource(word, root);
  const { description, file } = source.network;
  const outputs = usualOutputs(description.head);
  await exportModel({
    source,
    to: join(folder, servableFile),
    format: onnx,
    options: { input: 'bytes', outputs, mirror: false, teacherSpace: false },
    weights: 'float32',
    root,
  });
  const network = {
    checkpoint: basename(file),
    servable: servableFile,
    inputs: [inputTensor(description)],
    outputs: outputTensors(description, outputs),
  };
  for (const [name, text] of modelTexts({}, network, Date.now())) writeFileSync(join(folder, name), text);
  const example = join(folder, 'example.json');
  const inputs = { [inputName]: [nestedPixels(await firstImage(source, root), description.inputSize)] };
  writeFileSync(example, JSON.stringify({ inputs }));
  const made = source.made ? `, of ${source.made.run.title},` : '';
  return { title: `${description.backbone}${made}`, example };
}

async function firstImage(source: Source, root: string): Promise<Uint8Array> {
  const size = sides(source.network.description.inputSize);
  const task = await dataOf(source, root);
  if (typeof task === 'string') return noise(size, task).bytes.slice(0, size.height * size.width * 3);
  try {
    return (await picturesOf(task)).bytes.slice(0, size.height * size.width * 3);
  } finally {
    await task.close();
  }
}
