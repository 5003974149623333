// Builds the published package: `node build.mjs [folder]`, by default into dist/. Within the workspace the entry is the
// TypeScript source; the published package has one ES module for browsers and bundlers, one CommonJS file, and types.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

const here = import.meta.dirname;
const folder = resolve(process.argv[2] ?? join(here, 'dist'));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
const project = join(here, 'tsconfig.build.json');
execFileSync(process.execPath, [tsc, '-p', project, '--outDir', join(folder, 'lib')], { stdio: 'inherit' });
for (const [format, ending] of [
  ['esm', 'mjs'],
  ['cjs', 'cjs'],
]) {
  buildSync({
    entryPoints: [join(here, 'src/index.ts')],
    outfile: join(folder, `lib/index.${ending}`),
    bundle: true,
    format,
    target: 'es2022',
    external: ['onnxruntime-web', 'node:*'],
    logLevel: 'warning',
  });
}

const { private: _, nx, exports, ...rest } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const published = {
  ...rest,
  type: 'commonjs',
  main: './lib/index.cjs',
  module: './lib/index.mjs',
  types: './lib/index.d.ts',
  exports: {
    '.': { types: './lib/index.d.ts', import: './lib/index.mjs', require: './lib/index.cjs' },
    './package.json': './package.json',
  },
  files: ['lib'],
  sideEffects: false,
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
copyFileSync(join(here, 'README.md'), join(folder, 'README.md'));
copyFileSync(join(here, '../../LICENSE'), join(folder, 'LICENSE'));
