/** Runs each generator through Nx in a copy of the workspace, then lints, type-checks and tests the files it writes. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Tree } from '@nx/devkit';
import { nx } from '../../test/temporary-workspace';
import generateBackbone from './backbone';
import generateMethod from './method';

const repository = resolve(__dirname, '../../..');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-generators-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const workspaceFiles = ['.env', 'biome.json', 'jest.preset.cjs', 'nx.json', 'package.json', 'package-lock.json'];
const shared = ['node_modules', 'dist'];

beforeAll(() => {
  for (const file of [...workspaceFiles, 'tsconfig.json', 'tsconfig.base.json', 'packages', 'tools']) {
    const filter = (path: string) => !shared.includes(path.split('/').at(-1) ?? '');
    cpSync(join(repository, file), join(root, file), { recursive: true, filter });
  }
  // Commands in the copy find compiled sources there.
  const compiled = '.cache/typescript';
  if (existsSync(join(repository, compiled)))
    cpSync(join(repository, compiled), join(root, compiled), { recursive: true });
  const installed = join(repository, 'node_modules');
  const modules = join(root, 'node_modules');
  mkdirSync(join(modules, '@headshare'), { recursive: true });
  const packages = readdirSync(join(root, 'packages'));
  for (const name of readdirSync(installed)) {
    if (name === '@headshare') continue;
    const own = packages.includes(name);
    symlinkSync(own ? join(root, 'packages', name) : join(installed, name), join(modules, name));
  }
  for (const name of packages) symlinkSync(join(root, 'packages', name), join(modules, '@headshare', name));
  symlinkSync(join(root, 'tools'), join(modules, '@headshare/tools'));
});

const made = [
  ['method', 'my-method', []],
  ['method', 'logits', []],
  ['method', 'learned-map', ['--learned']],
  ['backbone', 'tiny-net', []],
  ['experiment', 'warm-up', ['--package=imagenet']],
  ['dataset', 'class', ['--package=imagenet']],
] as const;

/** Runs a program of node_modules/.bin. @returns its output if it fails, otherwise an empty text */
function failing(program: string, ...words: readonly string[]): string {
  // These tests must not count as tests of CI.
  const { TEST_TOTALS: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin', program), words, {
    cwd: root,
    encoding: 'utf8',
    env,
  });
  return status === 0 ? '' : stdout + stderr;
}

test('a dry run writes nothing', () => {
  const { stdout, status } = nx(root, ['g', './tools:method', 'my-method', '--dry-run']);
  expect(stdout).toContain('CREATE packages/core/src/distill/losses/my-method.ts');
  expect(stdout).not.toContain('Try it');
  expect(status).toBe(0);
  expect(readdirSync(join(root, 'packages/core/src/distill/losses'))).not.toContain('my-method.ts');
}, 60_000);

test('generated files pass lint, type check and their tests, the registries find them, and the next steps are printed', () => {
  const files: string[] = [];
  for (const [kind, name, more] of made) {
    const { stdout, stderr, status } = nx(root, ['g', `@headshare/tools:${kind}`, name, ...more]);
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/\nCREATE packages\/.*\n\n(Try it|Look at it|Test it|Check the types): npx /s);
    files.push(...[...stdout.matchAll(/^CREATE (\S+\.ts)$/gm)].map(([, file]) => file as string));
  }
  expect(files.length).toBeGreaterThanOrEqual(2 * made.length);
  expect(failing('biome', 'check', '--vcs-enabled=false', 'packages/core/src', 'packages/imagenet')).toBe('');
  // With all that they import: `typecheck` checks the rest.
  writeFileSync(join(root, 'tsconfig.made.json'), JSON.stringify({ extends: './tsconfig.base.json', files }));
  expect(failing('tsc', '-p', 'tsconfig.made.json')).toBe('');
  const jest = (project: string, ...words: readonly string[]) =>
    failing('jest', '-c', `packages/${project}/jest.config.cjs`, '--runInBand', '--ci', ...words);
  expect(jest('core', 'methods/(my-method|logits|learned-map)', 'backbones/tiny-net', '(distill|nn)/registry')).toBe(
    '',
  );
  expect(jest('core', 'every-backbone', 'eager-compiled', '-t', 'tiny-net|my-method|learned-map')).toBe('');
  // The printed test command of a backbone selects tests by its name.
  const own = readFileSync(join(root, 'packages/core/src/nn/backbones/tiny-net.test.ts'), 'utf8').match(/^test\('.*/gm);
  expect(own?.filter((line) => line.includes('tiny-net'))).toHaveLength(2);
  expect(jest('imagenet', 'experiments/warm-up', 'data/class')).toBe('');
  expect(jest('imagenet', 'every-(method|family)', '-t', 'tiny-net|my-method|learned-map')).toBe('');
}, 600_000);

test.each([
  [
    ['method', 'MyMethod'],
    "the name of a method consists of lower case words and digits, joined by dashes, not 'MyMethod'; write my-method",
  ],
  [['experiment', 'distill', '--package=face'], 'packages/face/experiments/distill.ts already exists'],
  [['experiment', 'data', '--package=face'], 'face:data is already a target'],
  [['dataset', 'more', '--package=faces'], "no package 'faces' has experiments; did you mean 'face'?"],
])(
  '%j: one sentence, and nothing is written',
  ([kind, ...words], sentence) => {
    const { stdout, stderr, status } = nx(root, ['g', `./tools:${kind}`, ...words]);
    expect(stdout + stderr).toContain(sentence);
    expect(stdout).not.toContain('CREATE');
    expect(status).toBe(1);
  },
  60_000,
);

test.each([
  [generateMethod, 'kdth', 'there is already a method called kdth'],
  [generateMethod, 'sh-kd', 'there is already a method called sh-kd'],
  [generateBackbone, 'resnet8', 'there is already a backbone called resnet8'],
])('%p of %s is refused before anything is written', (generate, name, sentence) => {
  // Any use of the tree would be another error.
  expect(() => generate({} as Tree, { name })).toThrow(sentence);
});
