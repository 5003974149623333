// Builds the published package: `node build.mjs [folder]`, by default into dist/. Within the workspace the entry is the
// TypeScript source; the published package has CommonJS, which Node's `import` also reads, and types.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const folder = resolve(process.argv[2] ?? join(here, 'dist'));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
const project = join(here, 'tsconfig.build.json');
execFileSync(process.execPath, [tsc, '-p', project, '--outDir', join(folder, 'lib')], { stdio: 'inherit' });

const { private: _, nx, exports, ...rest } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const published = {
  ...rest,
  type: 'commonjs',
  main: './lib/index.js',
  types: './lib/index.d.ts',
  exports: { '.': { types: './lib/index.d.ts', default: './lib/index.js' }, './package.json': './package.json' },
  files: ['lib'],
  sideEffects: false,
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
copyFileSync(join(here, 'README.md'), join(folder, 'README.md'));
copyFileSync(join(here, '../../LICENSE'), join(folder, 'LICENSE'));
