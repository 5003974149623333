import { type Tensor4D, tf } from '../tensorflow';

/**
 * ShuffleNet's channel shuffle of x [batch, h, w, c]: channel i of group g becomes channel i groups + g, so that each group
 * of the next layer reads channels from all groups.
 * @throws Error when the groups do not divide the channels
 */
export function channelShuffle(x: Tensor4D, groups: number): Tensor4D {
  const [batch, height, width, channels] = x.shape;
  if (channels % groups !== 0) throw new Error(`channelShuffle: ${groups} groups do not divide ${channels} channels.`);
  if (groups === 1) return x;
  const grouped = tf.reshape(x, [batch * height * width, groups, channels / groups]);
  return tf.reshape(tf.transpose(grouped, [0, 2, 1]), x.shape);
}
