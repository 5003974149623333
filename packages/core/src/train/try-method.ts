/**
 * Records a method's loss and gradients for a pair of networks, without computing anything: a mistake in a method shows
 * before its teacher has been trained.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { globSync } from 'fast-glob';
import type { ChosenMethod } from '../distill/combine-methods';
import type { StepContext, Terms } from '../distill/method';
import { buildNetwork, type NetworkDescription } from '../nn/network';
import { shapeOf } from '../nn/network-shape';
import { Scope } from '../nn/scope';
import { compileStep } from '../runtime/compile/compile';
import { imageInput } from '../runtime/compile/step-inputs';
import { nativeAddon } from '../runtime/native-addon';
import { randomKey } from '../runtime/ops/random';
import { State } from '../runtime/state';
import type { Tensor1D, Tensor4D } from '../runtime/tensorflow';
import { sentenceOf } from '../system/sentence-of';
import { UserError } from '../system/user-error';
import { stepContext, studentForward, teacherForward } from './forward';
import { mayPoolItsLastMap, shapeOfDescription } from './networks/shared-head';
import { sgd } from './optimiser/optimiser';

interface Pair {
  readonly student: NetworkDescription;
  readonly teacher: NetworkDescription;
}

const sources = resolve(__dirname, '..');
const defaultFolder = resolve(__dirname, '../../../../.cache/tried-methods');

/**
 * Tries a method once for each pair of networks and state of the sources in `distill/` and `nn/`; does nothing where
 * TensorFlow is not set up yet.
 * @param folder remembers what has been tried
 * @throws UserError when the loss cannot be built, with the line of the method or network for a programming mistake
 */
export function tryMethod(method: ChosenMethod, pair: Pair, folder = defaultFolder): void {
  if (nativeAddon('tfjs_binding.node') === undefined) return;
  if (method.studentHead !== undefined) {
    // Such a student is built around its teacher's head, which the descriptions alone do not give.
    if (method.studentHead === 'bottleneck') requirePooledMap(method, pair);
    return;
  }
  const hash = createHash('sha256').update(JSON.stringify([method.name, method.settings, pair]));
  for (const file of globSync('{distill,nn}/**/*.ts', { cwd: sources, ignore: ['**/*.test.ts'] }).sort()) {
    hash.update(`${file}\0`).update(readFileSync(join(sources, file)));
  }
  const stamp = join(folder, hash.digest('hex').slice(0, 16));
  if (existsSync(stamp)) return;
  const { stackTraceLimit } = Error;
  // A method's own line lies below many frames of tfjs.
  Error.stackTraceLimit = 100;
  try {
    recordLoss(method, pair);
  } catch (error) {
    const { stack = '' } = error as Error;
    const line = error instanceof UserError ? undefined : authorsLine(stack);
    const at = line === undefined ? '' : ` (${line})`;
    const { student, teacher } = pair;
    throw new UserError(
      `--method=${method.name} does not work with the student ${student.backbone} and the teacher ${teacher.backbone}: ${reasonOf(error)}${at}.`,
    );
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(stamp, '');
}

function requirePooledMap({ name }: ChosenMethod, { student, teacher }: Pair): void {
  if (mayPoolItsLastMap(shapeOfDescription(teacher))) return;
  throw new UserError(
    `--method=${name} does not work with the student ${student.backbone} and the teacher ${teacher.backbone}: the student would imitate the teacher's last feature map, and ${teacher.backbone} does not pool it into its embedding.`,
  );
}

const [images, classes] = [4, 4];

/** The stack's first line in a method, backbone or head, else in the rest of distill/. */
function authorsLine(stack: string): string | undefined {
  const [own] = /[^\s(]*(?:distill[\\/]methods|nn[\\/](?:backbones|heads))[\\/][^\s()]*\.ts:\d+/.exec(stack) ?? [];
  const [line = own] = own === undefined ? (/[^\s(]*distill[\\/][^\s()]*\.ts:\d+/.exec(stack) ?? []) : [];
  return line && relative(process.cwd(), line.replace(/^file:\/\//, ''));
}

/** An error as part of a one-line sentence, without TensorFlow's status. */
const reasonOf = (error: unknown): string =>
  sentenceOf(error)
    .replace(/^Invalid TF_Status: \d+\s*Message:\s*/, '')
    .replace(/\s+/g, ' ');

function recordLoss(method: ChosenMethod, pair: Pair): void {
  const state = new State();
  try {
    const teacher = buildNetwork(state, 'teacher', { ...pair.teacher, classes }, undefined);
    const { embeddingSize } = shapeOf(teacher);
    const student = buildNetwork(
      state,
      'student',
      { ...pair.student, classes, teacherSpace: embeddingSize },
      undefined,
    );
    const isOfTeacher = (name: string) => name.startsWith('teacher/');
    const loss = method.build({
      scope: Scope.root(state, 'method', undefined),
      student: shapeOf(student),
      teacher: shapeOf(teacher),
      labels: Int32Array.from({ length: images }, (_, i) => i),
      classes,
    });
    const learned = state.all('trainable').filter(({ name }) => !isOfTeacher(name));
    const optimiser = sgd(state, learned);
    const inputs = {
      pixels: imageInput(images, student.description.inputSize),
      labels: { dtype: 'int32', shape: [images] },
      draw: { dtype: 'int32', shape: [2] },
    } as const;
    const losses: Record<string, (step: StepContext) => Terms> = { loss: loss.terms };
    if (loss.pretraining) losses.pretraining = loss.pretraining.terms;
    for (const [name, terms] of Object.entries(losses)) {
      compileStep(
        name,
        inputs,
        ({ pixels, labels, draw }) => {
          const batch = {
            pixels: pixels as Tensor4D,
            labels: labels as Tensor1D,
            indices: labels as Tensor1D,
            random: randomKey(draw),
          };
          const teacherOutput = teacherForward(teacher, batch, method.needs);
          return optimiser.gradients(() => {
            const outputs = { student: studentForward(student, batch, 'train', method.needs), teacher: teacherOutput };
            return terms(stepContext({ student, teacher }, batch, outputs));
          }).values;
        },
        state,
        () => [],
      );
    }
  } finally {
    state.dispose();
  }
}
