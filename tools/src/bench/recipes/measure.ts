import { buildNetwork } from '@headshare/core/nn/network';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { evaluationSteps } from '@headshare/core/train/evaluation/inference';
import { median, peakMegabytes } from '../measurement';
import { batchOf, headshareStep } from '../step/cases';
import { type Stage, type StageName, stages } from './stages';

export interface StageMeasurement {
  /** Images of the steps that were measured, and of each of their slices. */
  readonly images: number;
  readonly slice: number;
  /** Seconds of the first step, which records, compiles and chooses kernels. */
  readonly firstSeconds: number;
  readonly secondsAnImage: number;
  /** Processor time of the whole process: what other programs take does not count. */
  readonly processorSecondsAnImage: number;
  readonly peakMegabytes: number;
}

interface Asked {
  readonly name: StageName;
  /** The most images of a step, and of a slice of it. */
  readonly images: number;
  readonly slice: number;
  readonly steps: number;
}

/** Runs the first steps of a stage. */
export async function measureStage({ name, images, slice, steps }: Asked): Promise<StageMeasurement> {
  const stage: Stage = stages[name];
  const whole = Math.min(stage.batch, images);
  // Batch norm sees a slice at a time, so a batch that fits into memory stays whole, as its recipe has it.
  const part = stage.batch <= images || stage.evaluates ? whole : Math.min(whole, slice);
  const run = stage.evaluates ? evaluation(stage, whole) : training(stage, whole, whole / part);
  const first = await timed(run);
  const rest: Times[] = [];
  for (let i = 0; i < steps; i++) rest.push(await timed(run));
  return {
    images: whole,
    slice: part,
    firstSeconds: first.seconds,
    secondsAnImage: median(rest.map(({ seconds }) => seconds)) / whole,
    processorSecondsAnImage: median(rest.map(({ processor }) => processor)) / whole,
    peakMegabytes: peakMegabytes(),
  };
}

function training({ networks }: Stage, batch: number, accumulate: number): () => Promise<unknown> {
  const way = { eager: false, recompute: false, precision: 'float32', accumulate } as const;
  const step = headshareStep(networks, batch, way);
  return () => step.run();
}

/** Embeds images and their mirror images, as verification does. */
function evaluation({ networks: { student } }: Stage, batch: number): () => Promise<unknown> {
  const state = new State();
  const network = buildNetwork(state, 'student', student, 1);
  const steps = evaluationSteps(new Program(state), network, { batchSize: batch });
  const { pixels } = batchOf(student, batch);
  return () => steps.embed(pixels);
}

interface Times {
  readonly seconds: number;
  readonly processor: number;
}

async function timed(run: () => Promise<unknown>): Promise<Times> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - started) / 1000, processor: (user + system) / 1e6 };
}
