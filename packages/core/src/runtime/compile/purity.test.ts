import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { attr, execute } from '../binding';
import { Program } from '../program';
import { State } from '../state';
import { type Tensor, tf } from '../tensorflow';

const file = relative(process.cwd(), __filename);
const source = readFileSync(__filename, 'utf8').split('\n');
/** Where the line with the comment `// HERE: mark` is, as errors name it. */
const at = (mark: string): string => `${file}:${source.findIndex((line) => line.endsWith(`// HERE: ${mark}`)) + 1}`;

const x = { x: { dtype: 'float32', shape: [2] } } as const;
const values = { x: Float32Array.of(1, 2) };

function compiled(step: (x: Tensor) => Tensor) {
  const program = new Program(new State());
  return program.define('step', x, (inputs) => ({ y: step(inputs.x) }));
}

const twice = (problem: string): string => `step differs between two recordings: ${problem}.`;

let calls = 0;
const shape = [attr.type('dtype', 'float32'), attr.type('T', 'int32')];

const impure: Readonly<Record<string, readonly [(x: Tensor) => Tensor, (mark: string) => string]>> = {
  'Math.random': [
    (x) => tf.mul(x, Math.random()), // HERE: Math.random
    (line) => `step draws a random number on the host at ${line} `,
  ],
  'tf.randomUniform': [
    (x) => tf.add(x, tf.randomUniform([2])), // HERE: tf.randomUniform
    (line) => `step draws a random number on the host at ${line} `,
  ],
  'tf.dropout': [
    (x) => tf.dropout(x, 0.5), // HERE: tf.dropout
    (line) => `step draws a random number on the host at ${line} `,
  ],
  'a stateful generator': [
    (x) => tf.add(x, execute('RandomUniform', shape, [tf.tensor1d([2], 'int32')])), // HERE: a stateful generator
    (line) =>
      `step uses the operation RandomUniform at ${line}, whose random numbers depend on more than the step's inputs; draw with runtime/ops/random.ts`,
  ],
  'a result as long as the values have it': [
    (x) => tf.unique(x).values, // HERE: a result as long as the values have it
    (line) =>
      `step uses the operation UniqueV2 at ${line}, whose output size depends on values; the shapes of a compiled step are fixed.`,
  ],
  'the time': [
    (x) => tf.mul(x, tf.tensor1d([1, Date.now() % 1e6])), // HERE: the time
    (line) => twice(`a constant [2] at ${line} has other values`),
  ],
  'a counter': [
    (x) => tf.mul(x, calls++), // HERE: a counter
    (line) => twice(`a constant [] at ${line} has other values`),
  ],
  'a counter in a gradient': [
    (x) =>
      tf.grad((given) => {
        const run = tf.customGrad((a) => ({
          value: tf.square(a as Tensor),
          gradFunc: (dy: Tensor) => tf.mul(dy, calls++), // HERE: a counter in a gradient
        }));
        return run(given);
      })(x),
    (line) => twice(`a constant [] at ${line} has other values`),
  ],
  'another operation': [
    (x) => (calls++ % 2 === 0 ? tf.exp(x) : tf.log(x)), // HERE: another operation
    (line) =>
      twice(
        `the operation ${calls % 2 === 0 ? 'Exp' : 'Log'} at ${line} has become the operation ${calls % 2 === 0 ? 'Log' : 'Exp'} at ${line}`,
      ),
  ],
  'one operation more': [
    (x) => {
      const y = tf.square(x);
      return calls++ % 2 === 0 ? tf.neg(y) : y; // HERE: one operation more
    },
    (line) => twice(`the operation Neg at ${line} is ${calls % 2 === 0 ? 'missing' : 'new'}`),
  ],
  'another attribute': [
    (x) => tf.sum(x, 0, calls++ % 2 === 0), // HERE: another attribute
    (line) => twice(`the operation Sum at ${line} has another keep_dims`),
  ],
  'another input': [
    (x) => {
      const both = [tf.sin(x), tf.cos(x)];
      return tf.square(both[calls++ % 2] as Tensor); // HERE: another input
    },
    (line) => twice(`the operation Square at ${line} has other inputs`),
  ],
  'another result': [
    (x) => [tf.sin(x), tf.cos(x)][calls++ % 2] as Tensor,
    () => twice('the output y is another tensor'),
  ],
  'reading values': [
    (x) => tf.mul(x, tf.sum(x).dataSync()[0] ?? 0), // HERE: reading values
    (line) => `step reads a tensor's values (dataSync, arraySync, print) at ${line} while it is compiled;`,
  ],
};

test.each(Object.keys(impure))('%s in a step is an error with its line', async (name) => {
  calls = 0;
  const [step, message] = impure[name] ?? [];
  if (!step || !message) throw new Error(name);
  await expect(compiled(step)(values)).rejects.toThrow(message(at(name)));
});

test('a tensor from outside the step is refused, and does not change', async () => {
  const [uploaded, pending] = [tf.square(tf.ones([2])), tf.tensor1d([3, 4])];
  for (const outside of [uploaded, pending]) {
    const step = compiled(() => tf.square(outside)); // HERE: outside
    await expect(step(values)).rejects.toThrow(
      `The operation Square in step (${at('outside')}) uses a tensor that was made outside the step; pass it as an input of the step or declare it in its state.`,
    );
  }
  expect([...uploaded.dataSync(), ...pending.dataSync()]).toEqual([1, 1, 3, 4]);
});

test('a refused step is refused again, and a repaired one compiles', async () => {
  let broken = true;
  const step = compiled((given) => (broken ? tf.mul(given, Math.random()) : tf.mul(given, 2)));
  await expect(step(values)).rejects.toThrow('on the host');
  await expect(step(values)).rejects.toThrow('on the host');
  broken = false;
  expect((await step(values)).y).toEqual(Float32Array.of(2, 4));
  expect(Math.random()).toBeLessThan(1);
});

test('lines are right outside of jest too', () => {
  const script = join(__dirname, '../../../test/purity-fixture.ts');
  const output = execFileSync(process.execPath, ['-r', join(__dirname, '../../../register.cjs'), script], {
    encoding: 'utf8',
  });
  const lines = readFileSync(script, 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes('tf.randomNormal')) + 1;
  expect(output).toContain(`on the host at ${relative(process.cwd(), script)}:${line} `);
});
