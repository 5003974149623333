import type { Frame } from '@headshare/core/data/synthetic/raster';
import type { Sides } from '@headshare/core/system/image-size';
import type { Appearance } from './appearance';
import type { Identity } from './identity';

/** A turned head in the image: where points and patches of its surface appear. */
export interface Head {
  /** The frame of the silhouette: centre of the skull, u and v as in identity.ts. */
  readonly silhouette: Frame;
  /**
   * The tangent frame of the face at (u, v), `lift` in front of it, foreshortened by the pose. With side = -1 the patch
   * is the mirror image at (-u, v), so that one drawing serves both sides of the face.
   */
  patch(u: number, v: number, side?: 1 | -1, lift?: number): Frame;
}

/** Depth of the face's surface: an ellipsoid, extended so that patches beyond the outline stay defined. */
function depth(u: number, v: number): number {
  return 0.7 * Math.sqrt(Math.max(0.06, 1 - (u / 0.86) ** 2 - (v / 1.3) ** 2));
}

const step = 0.05;

/**
 * Poses a head as face alignment would: eyes and mouth at the usual position of an aligned image, eye distance plus
 * eye-mouth distance at the usual scale, both changed by the appearance's shift, scale and roll. An image of unequal sides shows
 * the centre of the square of its longer side, as published networks for 112x96 see the centre of crops of 112x112.
 */
export function poseHead(person: Identity, appearance: Appearance, { height, width }: Sides): Head {
  const { yaw, pitch, roll, shiftX, shiftY } = appearance;
  const [sinYaw, cosYaw] = [Math.sin(yaw), Math.cos(yaw)];
  const [sinPitch, cosPitch] = [Math.sin(pitch), Math.cos(pitch)];
  const measure = 2 * person.eyeSpacing + person.mouthHeight - person.eyeHeight;
  const square = Math.max(height, width);
  const scale = 0.5 * square * (1.23 / measure) * appearance.scale;
  const [sinRoll, cosRoll] = [Math.sin(roll) * scale, Math.cos(roll) * scale];

  const turn = (u: number, v: number, w: number): [number, number] => {
    const x = u * cosYaw + w * sinYaw;
    const z = w * cosYaw - u * sinYaw;
    const y = v * cosPitch - z * sinPitch;
    return [x * cosRoll - y * sinRoll, x * sinRoll + y * cosRoll];
  };

  const anchorV = (person.eyeHeight + person.mouthHeight) / 2;
  const [anchorX, anchorY] = turn(0, anchorV, depth(0, anchorV));
  const left = square * 0.5 + (width - square) / 2 + shiftX * scale - anchorX;
  const top = square * 0.585 + (height - square) / 2 + shiftY * scale - anchorY;

  const [centreX, centreY] = turn(0, 0, 0);
  const [chinX, chinY] = turn(0, 1, 0.25);
  const silhouetteWidth = 1 - 0.1 * Math.abs(sinYaw);
  return {
    silhouette: {
      x: left + centreX,
      y: top + centreY,
      ux: cosRoll * silhouetteWidth,
      uy: sinRoll * silhouetteWidth,
      vx: chinX - centreX,
      vy: chinY - centreY,
    },
    patch: (u, v, side = 1, lift = 0) => {
      const at = (du: number, dv: number) => turn((u + du) * side, v + dv, depth(u + du, v + dv) + lift);
      const [x, y] = at(0, 0);
      const [ux, uy] = at(step, 0);
      const [vx, vy] = at(0, step);
      return {
        x: left + x,
        y: top + y,
        ux: (ux - x) / step,
        uy: (uy - y) / step,
        vx: (vx - x) / step,
        vy: (vy - y) / step,
      };
    },
  };
}
