import { scoped, type Tensor4D, tf } from '../tensorflow';
import { channelShuffle } from './channel-shuffle';

test('channels of all groups alternate, and gradients go back to their channels', () => {
  scoped(() => {
    const x = tf.tensor4d([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15], [1, 2, 1, 6]);
    expect(channelShuffle(x, 2).dataSync()).toEqual(Float32Array.of(0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15));
    expect(channelShuffle(x, 3).dataSync()).toEqual(Float32Array.of(0, 2, 4, 1, 3, 5, 10, 12, 14, 11, 13, 15));
    expect(channelShuffle(x, 1)).toBe(x);
    const dy = tf.tensor4d([0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15], x.shape);
    const gradient = tf.grad((y) => channelShuffle(y as Tensor4D, 2))(x, dy);
    expect(gradient.dataSync()).toEqual(x.dataSync());
    expect(() => channelShuffle(x, 4)).toThrow('4 groups do not divide 6 channels');
  });
});
