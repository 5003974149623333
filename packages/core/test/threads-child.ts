/**
 * For tests: trainings of small networks whose operations are large enough for several threads. Prints a line of JSON: the
 * digests of each training's files by its name.
 */
import { imageBytes } from '../src/data/dataset';
import { augmented } from '../src/data/loading/augmented';
import { classificationTask } from '../src/train/evaluation/classification-task';
import { bytesIn, removeTemporaryFolders, tinyImages, tinyMethod, trainTiny } from './tiny-training';

const size = 32;
const classes = 10;
const settings = { batchSize: 32, epochs: 1, warmUpEpochs: 0 };

/** Noise images, three steps an epoch. */
const taskOf = () => {
  const images = (name: string, count: number) => {
    const small = tinyImages(name, count, classes);
    return {
      ...small,
      size,
      // The pixels of the small images, in another order of rows.
      async read(indices: Int32Array, target: Uint8Array) {
        const few = new Uint8Array(indices.length * imageBytes(small));
        await small.read(indices, few);
        const each = few.length / indices.length;
        for (let row = 0; row < indices.length; row++) {
          for (let copy = 0; copy < 4; copy++) {
            target.set(few.subarray(row * each, (row + 1) * each), (row * 4 + copy) * each);
          }
        }
      },
    };
  };
  return classificationTask({ train: augmented(images('train', 96), { flip: true }), test: images('test', 20) });
};

const network = (backbone: string, head: string) => ({
  backbone,
  head,
  inputSize: size,
  width: 0.25,
  classes,
  embeddingSize: 64,
  ...(head === 'cosface' && { scale: 16 }),
});

async function main(): Promise<void> {
  const train = (options: Parameters<typeof trainTiny>[0]) => trainTiny({ task: taskOf(), settings, ...options });
  const teacher = await train({ role: 'teacher', network: network('iresnet10', 'cosface') });
  const distillation = (method: string) => ({
    teacher: `${teacher.folder}/last.safetensors`,
    method: tinyMethod(method),
  });
  const runs = {
    teacher,
    'th-kd': await train({ network: network('mobilefacenet', 'cosface'), distillation: distillation('th-kd') }),
    crd: await train({ network: network('resnet8x4', 'linear'), distillation: distillation('crd') }),
  };
  const files = Object.entries(runs).map(([name, { folder }]) => [name, bytesIn(folder)]);
  console.log(JSON.stringify(Object.fromEntries(files)));
}

main().then(
  () => {
    removeTemporaryFolders();
    process.exit(0);
  },
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
