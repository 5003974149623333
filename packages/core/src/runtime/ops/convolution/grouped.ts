import { type Tensor4D, tf } from '../../tensorflow';
import { conv2d, subsample } from './conv2d';
import { depthwiseConv2d } from './depthwise';
import { dilated } from './dilated';
import { filterWindow } from './filter-convolution';
import { padded, pair, type WindowOptions } from './window';

/** Depthwise convolution with any window; `depthwiseConv2d` has one stride, one padding and no dilation. */
function anyDepthwise(x: Tensor4D, filter: Tensor4D, options: WindowOptions): Tensor4D {
  const window = filterWindow('groupedConv2d', x, filter, options);
  const stride = [window[0].stride, window[1].stride] as const;
  if (window.some(({ dilation }) => dilation > 1)) {
    const dense = filterWindow('groupedConv2d', x, filter, { ...options, stride: 1 });
    const all = dilated(x, dense, (phases) => depthwiseConv2d(phases, filter));
    return stride.some((step) => step > 1) ? subsample(all, stride) : all;
  }
  const [vertical, horizontal] = pair(options.padding ?? 0);
  const image = vertical === horizontal ? x : padded(x, window);
  const padding = vertical === horizontal ? vertical : 0;
  if (stride[0] === stride[1]) return depthwiseConv2d(image, filter, { stride: stride[0], padding });
  return subsample(depthwiseConv2d(image, filter, { padding }), stride);
}

/** One convolution per group. */
function byGroup(x: Tensor4D, filter: Tensor4D, groups: number, options: WindowOptions): Tensor4D {
  const parts = tf.split(x, groups, 3) as Tensor4D[];
  const filters = tf.split(filter, groups, 3) as Tensor4D[];
  return tf.concat(
    parts.map((part, group) => conv2d(part, filters[group] as Tensor4D, options)),
    3,
  );
}

/**
 * Convolution in groups of channels: x [batch, h, w, in], filter [kh, kw, in / groups, out]; PyTorch's `conv2d` with
 * `groups`. TensorFlow has no gradients of grouped convolutions on the CPU, so this runs a depthwise convolution for groups
 * of one channel, and one convolution per group otherwise.
 * @throws Error when the groups do not divide the channels, the channels do not fit, or the filter is larger than the
 * padded image
 */
export function groupedConv2d(x: Tensor4D, filter: Tensor4D, groups: number, options: WindowOptions = {}): Tensor4D {
  const [, , each, outputs] = filter.shape;
  const channels = x.shape[3];
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0 || outputs % groups !== 0) {
    throw new Error(`groupedConv2d: ${groups} groups do not divide ${channels} channels into ${outputs}.`);
  }
  if (each !== channels / groups) {
    throw new Error(
      `groupedConv2d: the filter takes ${each} channels per group, ${groups} groups of ${channels} have ${channels / groups}.`,
    );
  }
  if (groups === 1) return conv2d(x, filter, options);
  if (each > 1) return byGroup(x, filter, groups, options);
  return anyDepthwise(x, tf.reshape(filter, [filter.shape[0], filter.shape[1], groups, outputs / groups]), options);
}
