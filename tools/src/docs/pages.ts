/** Reads the documentation: its pages, and the links, headings and code blocks in them. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fastGlob from 'fast-glob';

export const repository = resolve(__dirname, '../../..');

export interface Page {
  /** From the repository's root: `docs/start.md`. */
  readonly path: string;
  readonly text: string;
}

export interface CodeBlock {
  /** The word after the fence: `ts`, `sh`; empty where there is none. */
  readonly language: string;
  readonly text: string;
  /** The line of its first line in the page, from 1. */
  readonly line: number;
}

/** All pages that people read, sorted by path. */
export function readPages(): readonly Page[] {
  const patterns = ['*.md', 'docs/**/*.md', 'packages/{headshare-student,mlflow-js-client}/README.md'];
  return fastGlob
    .sync(patterns, { cwd: repository })
    .sort()
    .map((path) => ({ path, text: readFileSync(join(repository, path), 'utf8') }));
}

export function codeBlocks(text: string): readonly CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ 1: language = '', 2: code = '', index }) => ({
    language,
    text: code,
    line: text.slice(0, index).split('\n').length + 1,
  }));
}

/** The pieces of code within lines: `--epochs=3`. */
export const inlineCode = (text: string): readonly string[] =>
  [...text.replace(/^```.*?^```$/gms, '').matchAll(/`([^`]+)`/g)].map(({ 1: code = '' }) => code);

/** The page without its code, fenced or inline; the links and headings remain. */
const prose = (text: string): string =>
  text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ''));

/** The targets of links and pictures, as flagName: `methods.md#weights`, `https://...`. */
export function linksIn(text: string): readonly string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(({ 1: target = '' }) => target);
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsIn(text: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...prose(text).matchAll(/^#{1,6} +(.+)$/gm)].map(({ 1: heading = '' }) => {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}
