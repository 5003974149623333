import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const loader = join(__dirname, 'typescript.cjs');
const register = join(__dirname, '../../register.cjs');

let workspace: string;
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-typescript-')));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(workspace, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** Runs a file with the workspace's cache. @returns the standard output, or fails with the error's text */
function run(file: string): string {
  const program = `require(${JSON.stringify(loader)}).loadTypeScript(${JSON.stringify(workspace)}); require(${JSON.stringify(file)})`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    timeout: 25_000,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

const kept = (name: string): string => join(workspace, '.cache/typescript', `${name}.js`);

const says = (word: string): string => `interface Word { readonly text: string }
const word: Word = { text: '${word}' };
console.log(word.text);
`;

describe('loading TypeScript', () => {
  test('keeps compiled code by source, and compiles a changed source again', () => {
    const file = write('src/word.ts', says('first'));
    expect(run(file)).toBe('first');
    const [header, ...code] = readFileSync(kept('src/word.ts'), 'utf8').split('\n');
    writeFileSync(kept('src/word.ts'), [header, ...code].join('\n').replace("'first'", "'from the cache'"));
    expect(run(file)).toBe('from the cache');
    write('src/word.ts', says('second'));
    expect(run(file)).toBe('second');
    expect(readdirSync(dirname(kept('src/word.ts')))).toEqual(['word.ts.js']);
  });

  test('replaces a damaged file of the cache', () => {
    const file = write('word.ts', says('right'));
    run(file);
    writeFileSync(kept('word.ts'), '');
    expect(run(file)).toBe('right');
  });

  test('works where the cache cannot be written', () => {
    write('.cache', 'a file');
    expect(run(write('word.ts', says('uncached')))).toBe('uncached');
  });

  test('keeps nothing of files outside the workspace', () => {
    const file = write('word.ts', says('elsewhere'));
    workspace = join(workspace, 'inner');
    mkdirSync(workspace);
    expect(run(file)).toBe('elsewhere');
    expect(existsSync(join(workspace, '.cache'))).toBe(false);
    workspace = dirname(workspace);
  });

  test.each(['compiled now', 'from the cache'])('gives stacks the lines of the source: %s', (which) => {
    const source = `interface A {
  readonly b: number;
}

function fail(): never {
  throw new TypeError(String(1 as A['b']));
}
try {
  fail();
} catch (error) {
  console.log((error as Error).stack);
}
`;
    const file = write('fails.ts', source);
    if (which === 'from the cache') run(file);
    const stack = run(file).split('\n');
    expect(stack.slice(0, 3)).toEqual([
      'TypeError: 1',
      `    at fail (${file}:6:9)`,
      `    at Object.<anonymous> (${file}:9:3)`,
    ]);
  });

  test('loads large packages when they are first used', () => {
    // Text: Nx asks for colours, which Node gives other values.
    const program = `require('./src/report/picture.ts');
const loaded = () => Object.keys(require.cache).filter((path) => path.includes('/node_modules/vega/')).length > 0;
const before = loaded();
require('./src/report/picture.ts').drawPicture({ data: { values: [] }, mark: 'point' }).then(() => console.log(before + ' ' + loaded()));`;
    const cwd = join(__dirname, '../..');
    const { stdout, stderr } = spawnSync(process.execPath, ['-r', register, '-e', program], { cwd, encoding: 'utf8' });
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'false true', stderr: '' });
  });
});
