import { convolutionOf } from './convolution-of';

/** One filter a channel: x [batch, h, w, c], filter [kh, kw, c, 1]; padding as PyTorch's. */
export const depthwiseConv2d = convolutionOf(
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
);
