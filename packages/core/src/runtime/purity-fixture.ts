/** For purity.test.ts: an impure step in a process without jest. */
import { Program } from './program';
import { State } from './state';
import { tf } from './tensorflow';

const scalar = { x: { dtype: 'float32', shape: [] } } as const;
const step = new Program(new State()).define('step', scalar, ({ x }) => {
  const noise = tf.randomNormal([]);
  return { y: tf.add(x, noise) };
});

step({ x: 1 }).catch((error: Error) => console.log(error.message));
