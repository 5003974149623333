import { pipelineDataset } from '../data/pipeline/pipeline-dataset';
import type { TrainAndTest } from '../data/sources/class-folders';
import { classificationTask } from '../train/classification-task';
import type { Task } from '../train/task';

// torchvision's: pictures of 224 are cropped from a shorter side of 256.
const resizeOver = 256 / 224;

/**
 * Classification of encoded images of any size: random resized crops and mirroring in training, the middle of the
 * picture in evaluation, as torchvision's reference does it.
 * @param size of what networks see, in pixels
 */
export function encodedTask({ train, test }: TrainAndTest, size: number): Task {
  const options = { size, train: {}, test: { resize: Math.round(size * resizeOver) } };
  return classificationTask({
    train: pipelineDataset(train, options),
    test: pipelineDataset(test, options),
    augment: {},
  });
}
