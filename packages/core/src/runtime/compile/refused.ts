/**
 * Refuses operations that a compiled step must not run. Random numbers drawn on the host would become constants, the same
 * at every call; TensorFlow's stateful generators depend on all earlier draws in the process; and operations whose output
 * size depends on values do not fit fixed shapes.
 */
import { callSite, isReadingStack } from './call-site';

const instead = 'draw with runtime/ops/random.ts, from a key that is an input of the step';

// The generators of random_ops.cc and stateful_random_ops.cc. The Stateless ones depend on their seed alone and are allowed.
const stateful =
  /^(Random(Uniform|UniformInt|StandardNormal|Shuffle|ShuffleQueue|ShuffleQueueV2|Gamma|Poisson|PoissonV2)|TruncatedNormal|ParameterizedTruncatedNormal|Multinomial|Stateful.*|Rng.*)$/;

const openEnded = /^(Where|Unique.*|NonMaxSuppression.*|ListDiff|DynamicPartition)$/;

/** @throws Error when `op` uses a generator with a state, or the shape of its output depends on values */
export function refuseOperation(op: string, step: string): void {
  const problem = stateful.test(op)
    ? `whose random numbers depend on more than the step's inputs; ${instead}`
    : openEnded.test(op)
      ? 'whose output size depends on values; the shapes of a compiled step are fixed'
      : undefined;
  if (problem) throw new Error(`${step} uses the operation ${op} at ${callSite()}, ${problem}.`);
}

/** Makes Math.random throw until the returned function is called. */
export function refuseHostRandom(step: string): () => void {
  const { random } = Math;
  Math.random = () => {
    if (isReadingStack()) return random();
    throw new Error(
      `${step} draws a random number on the host at ${callSite()} (Math.random, or tf.randomUniform, tf.dropout and their like, which use it), which would be the same at every call; ${instead}.`,
    );
  };
  return () => {
    Math.random = random;
  };
}
