/** For recompute.test.ts: the peak memory of a process that runs a compiled step, with `recompute` or without. */
import { Program } from '../src/runtime/program';
import { recompute } from '../src/runtime/recompute';
import { State } from '../src/runtime/state';
import { type Tensor, tf } from '../src/runtime/tensorflow';

const again = process.argv[2] === 'recompute';
// Each tensor takes 4 MB; a block stores five of them for its gradient.
const shape = [1024, 1024];
const blocks = 24;

const body = (x: Tensor): Tensor => tf.add(x, tf.sin(tf.exp(tf.sin(tf.tanh(tf.sin(x))))));
const block = again ? recompute(body) : body;

const step = new Program(new State()).define('step', { x: { dtype: 'float32', shape } }, ({ x }) => ({
  slope: tf.sum(tf.grad((given) => Array.from({ length: blocks }).reduce<Tensor>((y) => block(y), given))(x)),
}));

async function main(): Promise<void> {
  const x = new Float32Array(1024 * 1024).fill(0.01);
  // Sampled while the step runs on another thread; maxRSS may be the parent process's.
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 1);
  let slope = 0;
  for (let i = 0; i < 3; i++) slope = (await step({ x })).slope[0] ?? Number.NaN;
  clearInterval(sampling);
  console.log(JSON.stringify({ slope, megabytes: peak / 2 ** 20 }));
}

main();
