/** For purity.test.ts: an impure step in a process without jest. */
import { Program } from './program';
import { State } from './state';
import { tf } from './tensorflow';

const step = new Program(new State()).define(
  'step',
  { x: { dtype: 'float32', shape: [] } },
  ({ x }) => ({ y: tf.add(x, tf.randomNormal([])) }), // Line 9, as the test expects.
);

step({ x: 1 }).catch((error: Error) => console.log(error.message));
