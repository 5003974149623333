/** For purity.test.ts: runs an impure step in a process without jest, and prints the error. */
import { Program } from '../src/runtime/program';
import { State } from '../src/runtime/state';
import { tf } from '../src/runtime/tensorflow';

const scalar = { x: { dtype: 'float32', shape: [] } } as const;
const step = new Program(new State()).define('step', scalar, ({ x }) => {
  const noise = tf.randomNormal([]);
  return { y: tf.add(x, noise) };
});

step({ x: 1 }).catch((error: Error) => console.log(error.message));
