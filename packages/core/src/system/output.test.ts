import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const register = join(__dirname, '../../register.cjs');
const output = JSON.stringify(join(__dirname, 'output.cjs'));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes lines to both streams in several turns of the event loop, then a file, and ends with code 7. */
const work = (before: string): string => `${before}
(async () => {
  for (let i = 0; i < 50; i++) {
    console.log('line', i, '.'.repeat(4000));
    console.error('error', i);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  require('node:fs').writeFileSync(process.argv[1], 'done');
  process.stdout.write('', () => process.stderr.write('', () => process.exit(7)));
})();`;

/** Runs it in a shell. @returns the shell's standard error, the exit code of the program, and whether it finished */
function run(redirection: string, before = '', limit = '') {
  const done = join(folder, 'done');
  rmSync(done, { force: true });
  const line = `${limit}"$0" -r "$1" -e "$2" "$3" ${redirection}`;
  const script = redirection.startsWith('|') ? `${line}; exit \${PIPESTATUS[0]}` : line;
  const words = ['-c', script, process.execPath, register, work(before), done];
  // Nx asks for colours, in which Node then prints numbers.
  const { FORCE_COLOR: _, ...env } = process.env;
  const { stderr, status } = spawnSync('bash', words, { encoding: 'utf8', env });
  const lines = stderr.split('\n').filter((text) => text !== '' && !/^error \d+$/.test(text));
  return { errors: lines, status, finished: existsSync(done) && readFileSync(done, 'utf8') === 'done' };
}

const keepWorking = `require(${output}).keepWorking();`;
const finished = { errors: [], status: 7, finished: true };
const linux = process.platform === 'linux' ? test : test.skip;

describe('a program whose output fails', () => {
  linux.each([
    ['a full disk behind standard output', '> /dev/full'],
    ['a full disk behind standard error', '2> /dev/full'],
    ['a full disk behind both', '> /dev/full 2>&1'],
    ['a closed descriptor', '>&- 2>&-'],
    ['a pipe whose reader has gone, behind standard error', '2> >(exec true)'],
  ])('finishes with %s', (_, redirection) => {
    expect(run(redirection)).toEqual(finished);
    expect(run(redirection, keepWorking)).toEqual(finished);
  });

  test('finishes after its reader has gone if it keeps working, and otherwise ends quietly', () => {
    expect(run('| head -n 1', keepWorking)).toEqual(finished);
    expect(run('| head -n 1')).toEqual({ errors: [], status: 141, finished: false });
  });

  linux('finishes when a file reaches the limit of its size', () => {
    expect(run(`> ${join(folder, 'log')}`, keepWorking, 'ulimit -f 8; ')).toEqual(finished);
  });
});
