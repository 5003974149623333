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
  scaled,
  within,
} from '@headshare/core/data/synthetic/raster';
import type { CreateRenderer } from '@headshare/core/data/synthetic/renderer';
import { intersection } from '@headshare/core/data/synthetic/shape-algebra';
import { band, capsule, convexPolygon, ellipse, glow } from '@headshare/core/data/synthetic/shapes';
import { type RandomStream, stream } from '@headshare/core/system/random';
import { type Palette, palettes, type Species, speciesOf } from './species';

export interface BirdsRendererOptions {
  readonly classes: number;
  readonly split: string;
  /** The species depend only on this seed, so that train and test have the same ones. */
  readonly speciesSeed: number;
  /** Pose, scale, light, clutter and noise; 1 is the default. */
  readonly difficulty: number;
}

/** Image i shows a bird of species i % classes. */
export const createRenderer: CreateRenderer<BirdsRendererOptions> = ({ options, size, seed }) => {
  const { classes, split, speciesSeed, difficulty } = options;
  const canvas = createCanvas(size);
  const { height, width } = canvas;
  const shorter = Math.min(height, width);
  const all = Array.from({ length: classes }, (_, label) => speciesOf(speciesSeed, label));
  return (index, target) => {
    const random = stream(seed, 'bird', split, index);
    const species = all[index % classes] as Species;
    landscape(canvas, random, difficulty);
    const scale = shorter * 0.27 * Math.exp(random.normal() * 0.1 * difficulty);
    const facing = random.chance(0.5) ? 1 : -1;
    const level = frame(
      width * 0.5 + random.normal() * shorter * 0.035 * difficulty,
      height * 0.52 + random.normal() * shorter * 0.035 * difficulty,
      scale,
      random.normal() * 0.14 * difficulty,
    );
    const body: Frame = { ...level, ux: level.ux * facing, uy: level.uy * facing };
    drawBird({ canvas, body, species, colours: individual(species, random, difficulty), random, difficulty });
    if (random.chance(0.35 * difficulty)) leaf(canvas, random);
    const x = random.normal() * 0.4;
    const y = -0.4 + random.normal() * 0.2;
    const length = Math.hypot(x, y, 1);
    const exposure = 1.1 * Math.exp(0.18 * difficulty * random.normal());
    const warmth = Math.exp(0.1 * difficulty * random.normal());
    const light = {
      ball: frame(width / 2, height / 2, shorter * 0.75),
      ambient: random.uniform(0.45, 0.8),
      direction: [x / length, y / length, 1 / length] as Colour,
    };
    const blur = Math.abs(random.normal()) * 0.006 * difficulty * shorter;
    const gain: Colour = [exposure * warmth, exposure, exposure / warmth];
    const gamma = Math.exp(0.12 * difficulty * random.normal());
    capture(canvas, target, { light, blur, gain, gamma, noise: random.uniform(1, 9) * difficulty }, random);
  };
};

interface Bird {
  readonly canvas: Canvas;
  readonly body: Frame;
  readonly species: Species;
  readonly colours: Palette;
  readonly random: RandomStream;
  readonly difficulty: number;
}

/** The colours of one bird: its species', slightly changed. */
function individual(species: Species, random: RandomStream, difficulty: number): Palette {
  const { back, breast, mark } = palettes[species.palette % palettes.length] as Palette;
  const own = (colour: Colour): Colour => {
    const bright = Math.exp(random.normal() * 0.14 * difficulty);
    const tint = () => bright * Math.exp(random.normal() * 0.06 * difficulty);
    return [colour[0] * tint(), colour[1] * tint(), colour[2] * tint()];
  };
  return { back: own(back), breast: own(breast), mark };
}

function landscape(canvas: Canvas, random: RandomStream, difficulty: number): void {
  const sky = mix([0.55, 0.7, 0.85], [0.35, 0.5, 0.25], random.float());
  backdrop(canvas, random, scaled(sky, random.uniform(0.6, 1.1)), 0.16 * difficulty, 4);
  for (let i = random.below(1 + Math.round(4 * difficulty)); i > 0; i--) leaf(canvas, random);
  const branch = frame(
    canvas.width / 2,
    canvas.height * random.uniform(0.83, 0.93),
    canvas.width,
    random.normal() * 0.12,
  );
  paint(canvas, capsule(branch, [-0.8, 0], [0.8, 0], 0.03, 0.02), [0.35, 0.25, 0.16]);
}

function leaf(canvas: Canvas, random: RandomStream): void {
  const at = frame(
    random.float() * canvas.width,
    random.float() * canvas.height,
    Math.min(canvas.height, canvas.width) * random.uniform(0.05, 0.12),
    random.uniform(0, Math.PI),
  );
  const green: Colour = [random.uniform(0.1, 0.6), random.uniform(0.3, 0.7), random.uniform(0.05, 0.3)];
  paint(canvas, band(at, 1, [-0.45, 0, 0.45], [0.45, 0, -0.45]), green);
}

function drawBird({ canvas, body, species, colours, random, difficulty }: Bird): void {
  const { back, breast, mark } = colours;
  for (const u of [-0.12, 0.16]) {
    paint(canvas, capsule(body, [u, 0.5], [u + 0.05, 0.62 + species.legs], 0.035), [0.3, 0.22, 0.18]);
  }

  const tail = within(body, -0.75, 0.1, 1, -0.35 + random.normal() * 0.12 * difficulty);
  const { tailLength, tailFork: fork } = species;
  paint(
    canvas,
    convexPolygon(tail, [-tailLength, -0.14 - fork * 0.3, 0, -0.16, 0, 0.16, -tailLength, 0.02]),
    scaled(back, 0.8),
  );
  const lower = convexPolygon(tail, [-tailLength, 0.1, 0, -0.12, 0, 0.16, -tailLength, 0.16 + fork * 0.4]);
  if (fork > 0) paint(canvas, lower, scaled(back, 0.7));

  const trunk = within(body, 0, 0, 1, -0.25);
  const torso = ellipse(trunk, 0, 0, 0.95, 0.6);
  paint(canvas, torso, back);
  paint(canvas, intersection(torso, ellipse(trunk, 0.22, 0.42, 0.85, 0.55, 3)), breast);

  const head = within(body, 0.82, -0.66, 1, random.normal() * 0.18 * difficulty);
  for (let i = 0; i < 14 && species.breastSpots !== 'none'; i++) {
    const [u, v] = [random.uniform(-0.1, 0.8), random.uniform(0.1, 0.5)];
    const isSpot = species.breastSpots === 'spots';
    const spot = isSpot ? ellipse(trunk, u, v, 0.055, 0.055) : capsule(trunk, [u, v - 0.1], [u, v + 0.1], 0.028);
    paint(canvas, intersection(torso, spot), scaled(back, 0.45), 0.85);
  }
  drawHeadAndBeak(canvas, head, species, colours);

  const wing = within(trunk, -0.2, -0.04, 1, 0.08 + random.normal() * 0.1 * difficulty);
  const feathers = band(wing, 0.72, [-0.3, 0.05, 0.22], [0.3, -0.1, -0.28], 1.3);
  paint(canvas, feathers, scaled(back, 0.72));
  for (let bar = 0; bar < species.wingBars; bar++) {
    const u = 0.3 - bar * 0.3;
    paint(canvas, intersection(feathers, capsule(wing, [u, -0.4], [u - 0.16, 0.4], 0.055)), mark);
  }
  paint(canvas, glow(trunk, 0.1, -0.35, 0.6, 0.2), [1, 1, 1], 0.12);
}

function drawHeadAndBeak(canvas: Canvas, head: Frame, species: Species, { back, breast, mark }: Palette): void {
  const dark = scaled(back, 0.4);
  const { crest, beakLength, beakCurve, beakDepth } = species;
  const crown = convexPolygon(head, [-0.5 - crest * 0.3, -0.3 - crest, 0.15, -0.34, -0.3, -0.1]);
  if (crest > 0) paint(canvas, crown, back);
  const tip: [number, number] = [0.34 + beakLength, 0.06 + beakCurve];
  const bend: [number, number] = [0.34 + beakLength * 0.55, 0.03 + beakCurve * 0.15];
  paint(canvas, capsule(head, [0.3, 0.02], bend, beakDepth, beakDepth * 0.6), [0.3, 0.25, 0.18]);
  paint(canvas, capsule(head, bend, tip, beakDepth * 0.6, 0.015), [0.3, 0.25, 0.18]);
  const skull = ellipse(head, 0, 0, 0.44, 0.4);
  paint(canvas, skull, back);
  if (species.throat) paint(canvas, intersection(skull, ellipse(head, 0.2, 0.36, 0.34, 0.26, 1.5)), mark);
  else paint(canvas, intersection(skull, ellipse(head, 0.2, 0.4, 0.36, 0.24, 2)), breast);
  if (species.cap) paint(canvas, intersection(skull, band(head, 0.6, [-1, 0, 0], [-0.16, 0, 0])), dark);
  if (species.eyeStripe) paint(canvas, intersection(skull, capsule(head, [-0.45, -0.02], [0.4, -0.04], 0.05)), dark);
  if (species.eyeRing) paint(canvas, ellipse(head, 0.13, -0.06, 0.125, 0.125), mark);
  paint(canvas, ellipse(head, 0.13, -0.06, 0.075, 0.075), [0.04, 0.03, 0.03]);
  paint(canvas, ellipse(head, 0.155, -0.085, 0.022, 0.022), [1, 1, 1], 0.9);
}
