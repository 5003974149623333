// Lets Node load TypeScript. Compiled files are kept in the workspace's `.cache/typescript`, one for each source: loading the
// compiler takes longer than most commands run. Plain JavaScript, because it runs before Node can load TypeScript.
'use strict';
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join, relative, sep } = require('node:path');

/**
 * Packages that a module loads when it first uses them, not when it is loaded itself: large ones that most commands import
 * and few use. Their load has no effect that others wait for.
 */
const lazy = [
  '@resvg/resvg-js',
  'cli-table3',
  'fast-glob',
  'mlflow-js-client',
  'proper-lockfile',
  'vega',
  'vega-lite',
  'yauzl',
];

/** The options of the compiler. */
const options = {
  swcrc: false,
  isModule: true,
  jsc: { target: 'es2023', parser: { syntax: 'typescript' }, keepClassNames: true },
  module: { type: 'commonjs', lazy },
  sourceMaps: true,
};

let salt;

/** All that compiled code depends on. */
function keyOf(source) {
  salt ??= `${JSON.stringify(options)} ${require('@swc/core/package.json').version}`;
  return createHash('sha256').update(salt).update('\0').update(source).digest('hex');
}

/** Where the compiled code of a source is kept; undefined for sources outside the workspace, which nobody would remove. */
function cacheFile(filename, workspace) {
  const path = relative(workspace, filename);
  return path.startsWith(`..${sep}`) ? undefined : join(workspace, '.cache/typescript', `${path}.js`);
}

const mapPrefix = '\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,';

function compile(source, filename) {
  const { code, map } = require('@swc/core').transformSync(source, { ...options, filename });
  return `${code}${mapPrefix}${Buffer.from(map).toString('base64')}`;
}

/** The compiled code of a source, from the cache if that has it. */
function compiled(source, filename, workspace) {
  const file = cacheFile(filename, workspace);
  if (file === undefined) return compile(source, filename);
  const header = `// ${keyOf(source)}\n`;
  const kept = readKept(file);
  if (kept?.startsWith(header)) return kept.slice(header.length);
  const code = compile(source, filename);
  keep(file, header + code);
  return code;
}

function readKept(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Other processes see the whole file or none. A cache that cannot be written costs time only. */
function keep(file, text) {
  const whole = `${file}.${process.pid}-${require('node:worker_threads').threadId}.tmp`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(whole, text);
    renameSync(whole, file);
  } catch {
    try {
      rmSync(whole, { force: true });
    } catch {
      // The disk or the folder is out of order, which others report.
    }
  }
}

/** The code of loaded sources by file name: their maps are read only when an error's stack is. */
const loaded = new Map();
const maps = new Map();

function mapOf(filename) {
  if (!maps.has(filename)) {
    const code = loaded.get(filename);
    const base64 = code.slice(code.lastIndexOf(mapPrefix) + mapPrefix.length);
    maps.set(filename, new Module.SourceMap(JSON.parse(Buffer.from(base64, 'base64').toString('utf8'))));
  }
  return maps.get(filename);
}

/** A line of a stack, with the source's line and column. */
function frameText(frame) {
  const text = String(frame);
  const filename = frame.getFileName();
  if (!loaded.has(filename)) return text;
  const line = frame.getLineNumber();
  const column = frame.getColumnNumber();
  const { originalLine, originalColumn } = mapOf(filename).findEntry(line - 1, column - 1);
  if (originalLine === undefined) return text;
  return text.replace(`${filename}:${line}:${column}`, `${filename}:${originalLine + 1}:${originalColumn + 1}`);
}

/**
 * Compiles the TypeScript files that this thread requires from now on, and gives stacks the lines of the sources.
 * @param workspace the folder with the cache; default: this repository
 */
function loadTypeScript(workspace = join(__dirname, '../../../..')) {
  Module._extensions['.ts'] = (module, filename) => {
    const code = compiled(readFileSync(filename, 'utf8'), filename, workspace);
    loaded.set(filename, code);
    module._compile(code, filename, 'commonjs');
  };
  Error.prepareStackTrace = (error, frames) =>
    [Error.prototype.toString.call(error), ...frames.map((frame) => `    at ${frameText(frame)}`)].join('\n');
}

module.exports = { loadTypeScript };
