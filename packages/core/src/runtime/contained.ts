import { scoped, type Tensor, tf } from './tensorflow';

/** The part of tfjs's engine that every new tensor passes. */
interface Tracker {
  trackTensor(tensor: Tensor, backend?: object): void;
}

/**
 * Runs `body` and disposes of every tensor that it made, kept ones included; variables stay. Gradients keep the tensors
 * that they save until they are done, so a step that throws midway would leak them otherwise.
 */
export function contained<R>(body: () => R): R {
  const engine = tf.engine() as unknown as Tracker;
  const { trackTensor } = engine;
  const made: Tensor[] = [];
  engine.trackTensor = (tensor, backend) => {
    if (!(tensor instanceof tf.Variable)) made.push(tensor);
    trackTensor.call(engine, tensor, backend);
  };
  try {
    return scoped(body);
  } finally {
    engine.trackTensor = trackTensor;
    for (const tensor of made) if (!tensor.isDisposed) tensor.dispose();
  }
}
