import type { Tree } from '@nx/devkit';
import { nameOf, nextSteps, requirePackage, writeNew } from './names';

/** `nx g ./tools:dataset my-images --package=imagenet`: images in one file of bytes, to be made another. */
export default function generateDataset(
  tree: Tree,
  options: { readonly name: string; readonly package: string },
): () => void {
  const { kebab, camel } = nameOf(options.name, 'data set');
  const { package: packageName } = options;
  requirePackage(tree, packageName);
  const folder = `packages/${packageName}/src/data`;
  writeNew(tree, {
    [`${folder}/${kebab}.ts`]: dataset(kebab, camel),
    [`${folder}/${kebab}.test.ts`]: test(kebab, camel),
  });
  return nextSteps(
    `Test it: npx jest -c packages/${packageName}/jest.config.cjs data/${kebab}`,
    `Then give it a word of --dataset in packages/${packageName}/src/options.ts, and hand it to the task beside that: a task is`,
    'data with a yardstick, and classificationTask({ train, test }) is one; `augmented` adds random flips and crops to `train`.',
  );
}

const dataset = (kebab: string, camel: string): string => `import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkRead, type ImageDataset, imageBytes } from '@headshare/core/data/dataset';
import { UserError } from '@headshare/core/system/user-error';

/**
 * Images that fit in memory, from a file of [images, size, size, 3] bytes, one label each.
 * @throws UserError for a file of another length
 */
export function ${camel}Dataset(file: string, labels: Int32Array, classes: number, size: number): ImageDataset {
  const pixels = readFileSync(file);
  const bytes = imageBytes({ size });
  if (pixels.length !== labels.length * bytes) {
    throw new UserError(
      \`\${file} has \${pixels.length} bytes; \${labels.length} images of \${size}x\${size} take \${labels.length * bytes}\`,
    );
  }
  const fingerprint = createHash('sha256').update(pixels).update(labels).digest('hex');
  const dataset = { name: '${kebab}', classes, size, labels, fingerprint };
  return {
    ...dataset,
    async read(indices, target) {
      checkRead(dataset, indices, target);
      Array.from(indices, (image, i) => target.set(pixels.subarray(image * bytes, (image + 1) * bytes), i * bytes));
    },
    async close() {},
  };
}
`;

const test = (kebab: string, camel: string): string => `import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ${camel}Dataset } from './${kebab}';

const folder = mkdtempSync(join(tmpdir(), 'headshare-${kebab}-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Two images of 1x1: red, green. */
const file = join(folder, 'images');
writeFileSync(file, Uint8Array.of(255, 0, 0, 0, 255, 0));
const labels = Int32Array.of(0, 1);

test('images are read by index, in any order', async () => {
  const images = ${camel}Dataset(file, labels, 2, 1);
  const target = new Uint8Array(9);
  await images.read([1, 0, 1], target);
  expect([...target]).toEqual([0, 255, 0, 255, 0, 0, 0, 255, 0]);
  await expect(images.read([2], target)).rejects.toThrow('${kebab} has no image 2: indices run from 0 to 1');
  await images.close();
});

test('the fingerprint is that of pixels and labels', () => {
  const { fingerprint } = ${camel}Dataset(file, labels, 2, 1);
  expect(${camel}Dataset(file, labels.slice(), 2, 1).fingerprint).toBe(fingerprint);
  expect(${camel}Dataset(file, Int32Array.of(1, 0), 2, 1).fingerprint).not.toBe(fingerprint);
});

test('a file of another length is refused', () => {
  expect(() => ${camel}Dataset(file, labels, 2, 2)).toThrow('has 6 bytes; 2 images of 2x2 take 24');
});
`;
