/**
 * Randomness that a compiled step must not have. What the host draws becomes a constant of the graph, the same at every
 * call; TensorFlow's stateful generators depend on how many draws there were before, here and elsewhere.
 */
import { callSite, isReadingStack } from './call-site';

const instead = 'draw with runtime/ops/random.ts, from a key that is an input of the step';

// The generators of random_ops.cc and stateful_random_ops.cc; those whose names begin with Stateless depend on their
// seed alone.
const stateful =
  /^(Random(Uniform|UniformInt|StandardNormal|Shuffle|ShuffleQueue|ShuffleQueueV2|Gamma|Poisson|PoissonV2)|TruncatedNormal|ParameterizedTruncatedNormal|Multinomial|Stateful.*|Rng.*)$/;

/** @throws Error when `op` draws from a generator with a state */
export function refuseStateful(op: string, step: string): void {
  if (!stateful.test(op)) return;
  throw new Error(
    `${step} uses the operation ${op} at ${callSite()}, whose random numbers depend on more than the step's inputs; ${instead}.`,
  );
}

/** Makes Math.random throw, until the function that it returns is called. */
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
