/** The names that public data sets give to the folders of their splits. */

export type Role = 'train' | 'test';

/** From the most preferred on: where there are both val and test, val has the test images. */
const words: Readonly<Record<Role, readonly string[]>> = {
  train: ['train', 'training', 'trn'],
  test: [
    ...['val', 'test', 'validation', 'valid', 'validate', 'eval', 'evaluation'],
    ...['testing', 'tst', 'dev', 'devel', 'holdout'],
  ],
};
const decorations = 'images?|imgs?|pictures?|pics|photos?|data|dataset|set|split|folder|dir';
const decorated = new RegExp(`^(${decorations})$`);

interface SplitName {
  readonly role: Role;
  /** The position of its word. */
  readonly word: number;
  /** Whether the name is the word itself. */
  readonly isExact: boolean;
}

/** The split that a folder of this name is: `train`, `Training`, `VAL`, `test_images`, `ValidationSet` ... */
export function splitOf(name: string): SplitName | undefined {
  const plain = name.toLowerCase().replace(/[\s_.-]+/g, '');
  for (const role of ['train', 'test'] as const) {
    for (const [i, word] of words[role].entries()) {
      const isSplit =
        plain === word ||
        (plain.startsWith(word) && decorated.test(plain.slice(word.length))) ||
        (plain.endsWith(word) && decorated.test(plain.slice(0, -word.length)));
      if (isSplit) return { role, word: i, isExact: name === word };
    }
  }
  return undefined;
}

const inWords = (role: Role) => new RegExp(`(?:^|[^a-z])(?:${words[role].join('|')})(?:${decorations})?(?:[^a-z]|$)`);
const likeSplit = { train: inWords('train'), test: inWords('test') };

/** The split that a name looks like, known or not: also `train2017`, `seg_test`, `test-A`, but not `trainer` or `contest`. */
export function likeRole(name: string): Role | undefined {
  const spaced = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return splitOf(name)?.role ?? (['train', 'test'] as const).find((role) => likeSplit[role].test(spaced));
}
