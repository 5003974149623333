import { capture } from '@headshare/core/data/synthetic/camera';
import {
  backdrop,
  type Canvas,
  type Colour,
  createCanvas,
  type Frame,
  frame,
  mix,
  paint,
  type Shape,
} from '@headshare/core/data/synthetic/raster';
import type { CreateRenderer } from '@headshare/core/data/synthetic/renderer';
import { difference, intersection, union } from '@headshare/core/data/synthetic/shape-algebra';
import { band, capsule, convexPolygon, ellipse } from '@headshare/core/data/synthetic/shapes';
import { type RandomStream, stream } from '@headshare/core/system/random';

export interface ShapesRendererOptions {
  readonly classes: number;
  readonly split: string;
  /** Clutter, scale, turn, light and noise; 1 is the default. */
  readonly difficulty: number;
}

const outlines = {
  disc: (at) => ellipse(at, 0, 0, 0.92, 0.92),
  square: (at) => square(at, 0, 0, 0.8),
  triangle: (at) => regular(at, 3, 1.1),
  pentagon: (at) => regular(at, 5, 1.02),
  cross: (at) => union(band(at, 0.95, [-0.34, 0, 0], [0.34, 0, 0]), band(at, 0.34, [-0.95, 0, 0], [0.95, 0, 0])),
  ring: (at) => difference(ellipse(at, 0, 0, 0.98, 0.98), ellipse(at, 0, 0, 0.45, 0.45)),
  crescent: (at) => difference(ellipse(at, 0, 0, 1, 1), ellipse(at, 0.55, 0, 0.75, 0.75)),
  drop: (at) => capsule(at, [0, 0.35], [0, -1], 0.64, 0.03),
  bar: (at) => band(at, 1.05, [-0.42, 0, 0], [0.42, 0, 0]),
  heart: (at) => union(capsule(at, [-0.4, -0.35], [0, 0.8], 0.5, 0.1), capsule(at, [0.4, -0.35], [0, 0.8], 0.5, 0.1)),
} satisfies Record<string, (at: Frame) => Shape>;

const steps = [-0.9, -0.45, 0, 0.45, 0.9];
const rows = [-0.75, -0.25, 0.25, 0.75];

/** `phase` moves a texture slightly. */
const textures = {
  plain: () => [],
  stripes: (at, phase) => steps.map((v) => band(at, 1.3, [v + phase - 0.1, 0, 0], [v + phase + 0.1, 0, 0])),
  rings: (at) => [0.9, 0.5].map((r) => difference(ellipse(at, 0, 0, r, r), ellipse(at, 0, 0, r - 0.2, r - 0.2))),
  dots: (at, phase) => steps.flatMap((u) => steps.map((v) => ellipse(at, u + phase, v + phase, 0.13, 0.13))),
  checks: (at) =>
    rows.flatMap((v, row) => rows.filter((_, i) => (i + row) % 2 === 0).map((u) => square(at, u, v, 0.25))),
  halves: (at, phase) => [band(at, 1.3, [-1.3, 0, 0], [phase, 0, 0])],
  frame: (at) => [difference(ellipse(at, 0, 0, 3, 3), ellipse(at, 0, 0, 0.62, 0.62))],
  wedge: (at) => [convexPolygon(at, [0, 0, -1.4, -1.4, 1.4, -1.4])],
  waves: (at, phase) =>
    [-0.7, 0, 0.7].map((v) => band(at, 1.1, [v + phase - 0.25, 0, 0.5], [v + phase - 0.02, 0, 0.5])),
  speckles: (at, _, random) =>
    Array.from({ length: 12 }, () => ellipse(at, random.uniform(-0.9, 0.9), random.uniform(-0.9, 0.9), 0.07, 0.07)),
} satisfies Record<string, (at: Frame, phase: number, random: RandomStream) => Shape[]>;

const outlineNames = Object.keys(outlines) as (keyof typeof outlines)[];
const textureNames = Object.keys(textures) as (keyof typeof textures)[];

/** The number of combinations of an outline and a texture. */
export const mostShapeClasses = outlineNames.length * textureNames.length;

/** Class c is outline c % 10 with texture (c + floor(c / 10)) % 10: ten classes show every outline and texture. */
export function partsOf(label: number): { outline: keyof typeof outlines; texture: keyof typeof textures } {
  const outline = outlineNames[label % outlineNames.length] ?? 'disc';
  const texture = textureNames[(label + Math.floor(label / outlineNames.length)) % textureNames.length] ?? 'plain';
  return { outline, texture };
}

/** Image i belongs to class i % classes. */
export const createRenderer: CreateRenderer<ShapesRendererOptions> = ({ options, size, seed }) => {
  const { classes, split, difficulty } = options;
  const canvas = createCanvas(size);
  const { height, width } = canvas;
  const shorter = Math.min(height, width);
  return (index, target) => {
    const random = stream(seed, 'shape', split, index);
    const { outline, texture } = partsOf(index % classes);
    backdrop(canvas, random, anyColour(random), 0.15 * difficulty, 3);
    for (let i = random.below(1 + Math.round(5 * difficulty)); i > 0; i--) clutter(canvas, random);
    const scale = shorter * 0.36 * Math.exp(-Math.abs(random.normal()) * 0.22 * difficulty);
    const at = frame(
      width / 2 + random.uniform(-1, 1) * (width * 0.5 - scale * 0.75),
      height / 2 + random.uniform(-1, 1) * (height * 0.5 - scale * 0.75),
      scale,
      random.normal() * 0.35 * difficulty,
    );
    const turned: Frame = { ...at, ux: at.ux * random.uniform(0.8, 1.1), uy: at.uy * random.uniform(0.8, 1.1) };
    const colour = anyColour(random);
    const other = contrasting(random, colour);
    const silhouette = outlines[outline](turned);
    paint(canvas, silhouette, colour);
    const shapes = textures[texture](turned, random.uniform(-0.1, 0.1), random);
    for (const part of shapes) paint(canvas, intersection(silhouette, part), other);
    if (random.chance(0.3 * difficulty)) clutter(canvas, random, 0.5);
    const length = Math.hypot(0.6, 0.6, 1);
    const light = {
      ball: frame(width / 2, height / 2, shorter * 0.8),
      ambient: random.uniform(0.5, 0.9),
      direction: [random.uniform(-0.6, 0.6) / length, random.uniform(-0.6, 0.6) / length, 1 / length] as Colour,
    };
    const exposure = Math.exp(0.2 * difficulty * random.normal());
    const gain = [exposure * random.uniform(0.9, 1.1), exposure, exposure * random.uniform(0.9, 1.1)] as const;
    const blur = Math.abs(random.normal()) * 0.012 * difficulty * shorter;
    capture(canvas, target, { light, blur, gain, gamma: 1, noise: random.uniform(2, 16) * difficulty }, random);
  };
};

function anyColour(random: RandomStream): Colour {
  return [random.uniform(0.05, 0.95), random.uniform(0.05, 0.95), random.uniform(0.05, 0.95)];
}

/** A clearly lighter or darker colour, so that the texture stays visible. */
function contrasting(random: RandomStream, colour: Colour): Colour {
  const bright = (colour[0] + colour[1] + colour[2]) / 3;
  return mix(anyColour(random), bright > 0.5 ? [0, 0, 0] : [1, 1, 1], 0.55);
}

function clutter(canvas: Canvas, random: RandomStream, scale = 1): void {
  const at = frame(
    random.float() * canvas.width,
    random.float() * canvas.height,
    Math.min(canvas.height, canvas.width) * random.uniform(0.05, 0.16) * scale,
    random.uniform(0, 3),
  );
  const colour = anyColour(random);
  if (random.chance(0.5)) paint(canvas, ellipse(at, 0, 0, 1, random.uniform(0.4, 1)), colour, 0.9);
  else paint(canvas, capsule(at, [-1.5, 0], [1.5, 0], random.uniform(0.15, 0.4)), colour, 0.9);
}

function regular(at: Frame, corners: number, radius = 1): Shape {
  const points: number[] = [];
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    points.push(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  return convexPolygon(at, points);
}

function square(at: Frame, u: number, v: number, half: number): Shape {
  return convexPolygon(at, [u - half, v - half, u + half, v - half, u + half, v + half, u - half, v + half]);
}
