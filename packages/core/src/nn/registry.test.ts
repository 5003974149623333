import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { backbones } from './registry';

/** Why a backbone has no reference case. */
const withoutReference: Readonly<Record<string, string>> = {
  iresnet10: 'not a published network: the blocks of iresnet18, one a stage',
};

interface Cases {
  readonly cases: readonly { readonly id: string }[];
}

const files = ['models.json', 'more-models.json', 'torchvision-models.json']
  .map((file) => join(__dirname, '../../fixtures/reference', file))
  .filter((path) => existsSync(path));

/** A test of its own beside a backbone's file, called as the backbone is. */
const hasOwnTest = (name: string): boolean => existsSync(join(__dirname, 'backbones', `${name}.test.ts`));

test('each backbone is compared with a reference, or has its own test', () => {
  const ids = files
    .flatMap((path) => (JSON.parse(readFileSync(path, 'utf8')) as Cases).cases)
    .map(({ id }) => backbones.named(id).name);
  const held = new Set([...ids, ...Object.keys(withoutReference)]);
  expect(backbones.all.map(({ name }) => name).filter((name) => !held.has(name) && !hasOwnTest(name))).toEqual([]);
});
