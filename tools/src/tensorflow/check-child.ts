/**
 * Trains three steps and prints the losses, and whether a GPU was used, as one line of JSON. check.ts starts it in
 * another process, so that a crash does not end the tool, with the addon's path and the folder of tfjs-node.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { restoreLegacyUtil } from '@headshare/core/runtime/legacy-util';
import type * as tfjs from '@tensorflow/tfjs';

const [addon = '', folder = ''] = process.argv.slice(2);
restoreLegacyUtil();
const load = createRequire(join(folder, 'package.json'));
// Makes tfjs-node load the new addon, which is not yet installed.
const finder = '@mapbox/node-pre-gyp';
load(finder);
const loaded = load.cache[load.resolve(finder)];
if (loaded !== undefined) loaded.exports = { find: () => addon };
const tf = load(folder) as typeof tfjs;

const images = tf.linspace(-1, 1, 4 * 6 * 6).reshape([4, 6, 6, 1]) as tfjs.Tensor4D;
const labels = tf.oneHot(tf.tensor1d([0, 1, 0, 1], 'int32'), 2);
const filters = tf.variable(tf.linspace(-0.5, 0.5, 18).reshape([3, 3, 1, 2])) as tfjs.Variable<tfjs.Rank.R4>;
const weights = tf.variable(tf.linspace(-0.5, 0.5, 4).reshape([2, 2])) as tfjs.Variable<tfjs.Rank.R2>;
const optimizer = tf.train.sgd(0.5);
const losses = [1, 2, 3].map(() => {
  const loss = optimizer.minimize(() => {
    const features = tf.mean(tf.relu(tf.conv2d(images, filters, 1, 'same')), [1, 2]) as tfjs.Tensor2D;
    return tf.losses.softmaxCrossEntropy(labels, tf.matMul(features, weights));
  }, true);
  return loss?.dataSync()[0];
});
const gpu = (tf.backend() as unknown as { isUsingGpuDevice: boolean }).isUsingGpuDevice;
process.stdout.write(`${JSON.stringify({ losses, gpu })}\n`);
