/** Pictures in the form that an exported model takes. */

import type { InputForm } from 'headshare-student/card';
import type { Normalisation } from '../nn/normalisation';
import type { ModelInput } from './format';

/** @param pictures RGB bytes, picture by picture, row by row */
export function modelInput(
  form: InputForm,
  pictures: Uint8Array,
  { height, width }: { readonly height: number; readonly width: number },
  { mean, deviation }: Normalisation,
): ModelInput {
  const area = height * width;
  const count = pictures.length / (3 * area);
  if (form === 'bytes') return { shape: [count, height, width, 3], values: pictures };
  const normalise = form === 'normalised-nchw';
  const values = new Float32Array(pictures.length);
  for (let picture = 0; picture < count; picture++) {
    for (let colour = 0; colour < 3; colour++) {
      const [centre, scale] = [mean[colour] as number, deviation[colour] as number];
      const from = 3 * area * picture + colour;
      const to = area * (3 * picture + colour);
      for (let i = 0; i < area; i++) {
        const byte = pictures[from + 3 * i] as number;
        values[to + i] = normalise ? (byte / 255 - centre) / scale : byte;
      }
    }
  }
  return { shape: [count, 3, height, width], values };
}
