import type { Sides } from '../../system/image-size';
import { type RandomStream, stream } from '../../system/random';
import { type Canvas, type Colour, type Frame, scaled } from './raster';
import { inverse } from './shapes';

/** How light and a camera turn a canvas into bytes. */
export interface Camera {
  /** Light from `direction` (x, y, z towards the viewer, unit length) on a ball that fills the unit circle of `ball`. */
  readonly light?: { readonly ball: Frame; readonly ambient: number; readonly direction: Colour };
  /** Standard deviation of the blur, in pixels. */
  readonly blur: number;
  /** Factor of each channel: colour cast times camera. */
  readonly gain: Colour;
  readonly gamma: number;
  /** Standard deviation of the brightness noise, in units of 1/255; colour noise is half as strong. */
  readonly noise: number;
}

const gaussians = (() => {
  const random = stream(0, 'gaussians');
  return Float32Array.from({ length: 1024 }, () => random.normal());
})();

const gammaSteps = 511;
const curve = new Int32Array(gammaSteps + 1);
const grains = new Int32Array(1024);
/** With logarithms a power costs one exponential instead of one Math.pow. */
const logarithms = Float64Array.from({ length: gammaSteps + 1 }, (_, i) => Math.log(Math.max(i, 1e-3) / gammaSteps));

/** Lights, blurs, exposes and quantises the canvas, which it changes, into height x width x 3 bytes. */
export function capture(canvas: Canvas, target: Uint8Array, camera: Camera, random: RandomStream): void {
  if (camera.light) illuminate(canvas, camera.light);
  if (camera.blur > 0.25) blur(canvas, camera.blur);
  // The loop over the bytes computes in 256ths of a level: integers are faster.
  for (let i = 0; i <= gammaSteps; i++) curve[i] = 65280 * Math.exp((logarithms[i] as number) * camera.gamma) + 128;
  for (let i = 0; i < 1024; i++) grains[i] = (gaussians[i] as number) * camera.noise * 256;
  const { data } = canvas;
  const [scaleR, scaleG, scaleB] = scaled(camera.gain, gammaSteps);
  // Its stores clip, faster than code can.
  const bytes = new Uint8ClampedArray(target.buffer, target.byteOffset, data.length);
  // One 32-bit step (xorshift32, Marsaglia, 2003) gives the indices of three normal numbers.
  let bits = random.bits() | 1;
  for (let at = 0; at < data.length; at += 3) {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    const grain = grains[bits & 1023] as number;
    const warm = (grains[(bits >>> 10) & 1023] as number) >> 1;
    const cold = (grains[(bits >>> 20) & 1023] as number) >> 1;
    bytes[at] = (level((data[at] as number) * scaleR) + grain + warm) >> 8;
    bytes[at + 1] = (level((data[at + 1] as number) * scaleG) + grain) >> 8;
    bytes[at + 2] = (level((data[at + 2] as number) * scaleB) + grain + cold) >> 8;
  }
}

function level(step: number): number {
  const whole = step | 0;
  return curve[whole < 0 ? 0 : Math.min(gammaSteps, whole)] as number;
}

function illuminate({ height, width, data }: Canvas, { ball, ambient, direction }: NonNullable<Camera['light']>): void {
  const [lx, ly, lz] = direction;
  const { a, b, c, d } = inverse(ball);
  const diffuse = 1 - ambient;
  for (let y = 0, at = 0; y < height; y++) {
    const dy = y + 0.5 - ball.y;
    let u = a * (0.5 - ball.x) + b * dy;
    let v = c * (0.5 - ball.x) + d * dy;
    for (let x = 0; x < width; x++, at += 3, u += a, v += c) {
      const r2 = u * u + v * v;
      let facing: number;
      if (r2 < 0.96) facing = lx * u + ly * v + lz * Math.sqrt(1 - r2);
      else facing = (lx * u + ly * v) / Math.sqrt(r2) + lz * 0.2;
      const factor = ambient + diffuse * Math.max(facing, 0);
      data[at] = (data[at] as number) * factor;
      data[at + 1] = (data[at + 1] as number) * factor;
      data[at + 2] = (data[at + 2] as number) * factor;
    }
  }
}

let scratch = new Float32Array(0);

/**
 * Gaussian blur by a few passes with three weights each, 1, 2, 3... pixels apart ("à trous"); their variances add up to
 * sigma^2. Edge pixels repeat.
 */
function blur(canvas: Canvas, sigma: number): void {
  const { height, width, data } = canvas;
  if (scratch.length < data.length) scratch = new Float32Array(data.length);
  let rest = sigma * sigma;
  for (let gap = 1; rest > 1e-3 && 2 * gap < Math.min(height, width); gap++) {
    const variance = Math.min(rest, 0.5 * gap * gap);
    const side = variance / (2 * gap * gap);
    rest -= variance;
    blurAxis(data, scratch, canvas, gap, side, 1, 0);
    blurAxis(scratch, data, canvas, gap, side, 0, 1);
  }
}

function blurAxis(
  from: Float32Array,
  to: Float32Array,
  { height, width }: Sides,
  gap: number,
  side: number,
  dx: number,
  dy: number,
): void {
  const middle = 1 - 2 * side;
  for (let y = 0, at = 0; y < height; y++) {
    const up = Math.max(0, y - gap * dy) * width;
    const down = Math.min(height - 1, y + gap * dy) * width;
    for (let x = 0; x < width; x++, at += 3) {
      const before = (up + Math.max(0, x - gap * dx)) * 3;
      const after = (down + Math.min(width - 1, x + gap * dx)) * 3;
      for (let i = 0; i < 3; i++) {
        const sides = (from[before + i] as number) + (from[after + i] as number);
        to[at + i] = (from[at + i] as number) * middle + sides * side;
      }
    }
  }
}
