/** The documentation holds together: links lead somewhere, pages are short and reachable, generated sections are current. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import fastGlob from 'fast-glob';
import { anchorsIn, codeBlocks, inlineCode, linksIn, readPages, repository } from './pages';
import { withGeneratedSections } from './sections';

const pages = readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));
const isDocs = (path: string) => path.startsWith('docs/');

/** The path and anchor that a relative link leads to, from the repository's root. */
function resolved(from: string, link: string): readonly [string, string | undefined] {
  const [target = '', anchor] = link.split('#');
  return [target === '' ? from : normalize(join(dirname(from), target)), anchor];
}

test.each(pages.map(({ path }) => path))('every relative link and anchor of %s leads somewhere', (path) => {
  const broken = linksIn(byPath.get(path)?.text ?? '').filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [target, anchor] = resolved(path, link);
    if (!existsSync(join(repository, target))) return true;
    return anchor !== undefined && !anchorsIn(byPath.get(target)?.text ?? '').includes(anchor);
  });
  expect(broken).toEqual([]);
});

const files = fastGlob.sync(['*', '{packages,tools,docs,.ci}/**'], {
  cwd: repository,
  ignore: ['**/node_modules/**'],
  dot: true,
  onlyFiles: false,
});

test.each(pages.map(({ path }) => path))('every file that %s names exists', (path) => {
  // A page may leave out the beginning of a path: `core/src/train/step.ts`, `step.ts`.
  const named = inlineCode(byPath.get(path)?.text ?? '').filter(
    (code) => /^[\w./-]+\.(ts|h|cc|cjs)$|^(packages|tools|docs)\/[\w./-]+$/.test(code) && !/my-own|NAME/.test(code),
  );
  const missing = named.filter((name) => !files.some((file) => `/${file}`.endsWith(`/${name.replace(/\/$/, '')}`)));
  expect(missing).toEqual([]);
});

test('README, or the README of its folder, links to every page', () => {
  const linksOf = (path: string) => linksIn(byPath.get(path)?.text ?? '').map((link) => resolved(path, link)[0]);
  const isLinked = (path: string) =>
    ['README.md', join(dirname(path), 'README.md')].some((from) => linksOf(from).includes(path));
  expect(pages.map(({ path }) => path).filter((path) => path !== 'README.md' && !isLinked(path))).toEqual([]);
});

test('README has at most 120 lines, its first screen 60, and the other pages at most 250', () => {
  const limits = pages.map(
    ({ path, text }) => [path, text.split('\n').length - 1, path === 'README.md' ? 120 : 250] as const,
  );
  expect(limits.filter(([, lines, limit]) => lines > limit)).toEqual([]);
  const firstScreen = byPath.get('README.md')?.text.split('\n').slice(0, 60).join('\n');
  expect(firstScreen).toContain('npm ci && npx nx run face:distill');
  expect(firstScreen).toContain('npm ci && npm test');
});

test.each(pages.map(({ path }) => path).filter(isDocs))('%s begins with a table of contents', (path) => {
  const { text } = byPath.get(path) ?? { text: '' };
  const contents = text.slice(0, text.search(/^## /m));
  const sections = anchorsIn(text.replace(/^###.*$/gm, '')).slice(1);
  expect(sections.filter((anchor) => !contents.includes(`(#${anchor})`))).toEqual([]);
});

test('generated sections are current; otherwise run: npx nx run tools:docs', () => {
  expect(pages.filter(({ text }) => withGeneratedSections(text) !== text).map(({ path }) => path)).toEqual([]);
}, 60_000);

test('links, headings and code are found', () => {
  const text = '# One `two` (3)\n[a](b.md#c) `[x](y)`\n## One two 3\n```sh\n# [no](link)\n```\n';
  expect(linksIn(text)).toEqual(['b.md#c']);
  expect(anchorsIn(text)).toEqual(['one-two-3', 'one-two-3-1']);
  expect(codeBlocks(text)).toEqual([{ language: 'sh', text: '# [no](link)\n', line: 5 }]);
});
