import { methods } from '@headshare/core/distill/registry';
import type { Tree } from '@nx/devkit';
import { nameOf, nextSteps, requireFree, writeNew } from './names';

const folder = 'packages/core/src/distill';

/** What `--method` understands besides the methods. */
const reserved = ['sh-kd'];

/** `nx g ./tools:method my-method`: a method whose loss is a mean squared difference, to be made another. */
export default function generateMethod(tree: Tree, options: { readonly name: string }): () => void {
  const name = nameOf(options.name, 'method');
  requireFree(name.kebab, 'method', [...methods.names, ...reserved]);
  const { kebab, camel } = name;
  writeNew(tree, {
    [`${folder}/losses/${kebab}.ts`]: loss(camel),
    [`${folder}/methods/${kebab}.ts`]: method(kebab, camel),
    [`${folder}/methods/${kebab}.test.ts`]: test(kebab, camel),
  });
  return nextSteps(
    `Try it: npx nx run face:distill:smoke --method=${kebab}`,
    `Test it: npx jest -c packages/core/jest.config.cjs methods/${kebab}`,
    `Then put your formula into losses/${kebab}.ts, its source and published weight into methods/${kebab}.ts, and numbers of`,
    'the reference into its test. A method that learns parts or remembers images has build instead of terms: methods/crd.ts.',
  );
}

const loss = (camel: string): string => `import { type Scalar, type Tensor2D, tf } from '../../runtime/tensorflow';

/** The mean over all entries of (student - teacher)^2; logits [batch, classes] of both. */
export function ${camel}Loss(student: Tensor2D, teacher: Tensor2D): Scalar {
  return tf.mean(tf.square(tf.sub(student, teacher))).asScalar();
}
`;

const method = (kebab: string, camel: string): string => `import { ${camel}Loss } from '../losses/${kebab}';
import { defineMethod } from '../method';

/** ${kebab}: the student's logits near the teacher's. */
export default defineMethod('${kebab}', {
  summary: "the teacher's logits, by their mean squared difference",
  source: 'Ba and Caruana, arXiv 1312.6184',
  defaults: { beta: 0.1 },
  terms: ({ student, teacher }, { beta }) => ({
    ${key(kebab)}: { weight: beta, value: ${camel}Loss(student.logits, teacher.logits) },
  }),
});
`;

const test = (
  kebab: string,
  camel: string,
): string => `import { type Tensor, type Tensor2D, tf } from '../../runtime/tensorflow';
import { ${camel}Loss } from '../losses/${kebab}';
import type { ForwardOutput, StepContext } from '../method';
import { methods } from '../registry';

const student = [
  [0, 0],
  [1, 3],
];
const teacher = [
  [1, 0],
  [1, 1],
];

test('its loss and the gradient: four entries, of which two differ, by 1 and 2', () => {
  const { value, grad } = tf.tidy(() => {
    const run = tf.valueAndGrad((x: Tensor) => ${camel}Loss(x as Tensor2D, tf.tensor2d(teacher)));
    const { value, grad } = run(tf.tensor2d(student));
    return { value: value.dataSync()[0], grad: Array.from(grad.dataSync()) };
  });
  expect(value).toBe(1.25);
  expect(grad).toEqual([-0.5, 0, 0, 1]);
});

test('adds it to the loss with its weight', () => {
  const method = methods.named('${kebab}');
  const output = (logits: number[][]) => ({ logits: tf.tensor2d(logits) }) as ForwardOutput;
  tf.tidy(() => {
    // It looks at nothing else, and makes no parts anywhere.
    const step = { student: output(student), teacher: output(teacher) } as StepContext;
    const { terms } = method.build({} as Parameters<typeof method.build>[0], { ...method.defaults, beta: 0.5 });
    const found = Object.entries(terms(step)).map(([name, { weight, value }]) => [
      name,
      weight,
      value.dataSync()[0],
    ]);
    expect(found).toEqual([['${kebab}', 0.5, 1.25]]);
  });
});
`;

const key = (kebab: string): string => (kebab.includes('-') ? `'${kebab}'` : kebab);
