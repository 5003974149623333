import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const register = join(__dirname, '../../register.cjs');

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-tmpdir-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a TypeScript file, which prints its TMPDIR, with these variables. */
function run(variables: NodeJS.ProcessEnv) {
  const file = join(folder, 'program.ts');
  writeFileSync(file, 'const text: string = String(process.env.TMPDIR);\nconsole.log(text);\n');
  const { TMPDIR: _, TMP: __, TEMP: ___, ...rest } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-r', register, file], {
    cwd: folder,
    env: { ...rest, ...variables },
    encoding: 'utf8',
    // A hanging program fails the test.
    timeout: 25_000,
  });
  return { stdout: stdout.trim(), stderr: stderr.trim(), status };
}

const linux = process.platform === 'linux' ? test : test.skip;

describe('the folder for temporary files', () => {
  test.each(['TMPDIR', 'TMP', 'TEMP'])('is named with the variable %s if it is not there', (name) => {
    const missing = join(folder, 'missing', 'deep');
    expect(run({ [name]: missing })).toEqual({
      stdout: '',
      stderr: `${name} is ${missing}, which does not exist: set ${name} to a folder where files can be written.`,
      status: 1,
    });
  });

  test('is named if it is a file', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const TMPDIR of [file, join(file, 'below')]) {
      const { stderr, status } = run({ TMPDIR });
      expect(stderr).toMatch(/^TMPDIR is .*, which (is not a folder|does not exist): set TMPDIR/);
      expect({ status, lines: stderr.split('\n').length }).toEqual({ status: 1, lines: 1 });
    }
  });

  linux.each(['/proc', '/proc/self', '/proc/nowhere', '/sys', '/dev/null', '/dev/fd'])('cannot be %s', (TMPDIR) => {
    const { stderr, status } = run({ TMPDIR });
    expect(stderr).toMatch(new RegExp(`^TMPDIR is ${TMPDIR}, which .*: set TMPDIR to a folder .*\\.$`));
    expect({ status, lines: stderr.split('\n').length }).toEqual({ status: 1, lines: 1 });
  });

  test('may be relative, and becomes absolute for other processes', () => {
    mkdirSync(join(folder, 'here'));
    expect(run({ TMPDIR: 'here' })).toEqual({ stdout: join(folder, 'here'), stderr: '', status: 0 });
  });

  const asOther = process.getuid?.() === 0 ? test.skip : test;
  asOther('is named if it is not writable', () => {
    chmodSync(folder, 0o500);
    const { stderr, status } = run({ TMPDIR: folder });
    chmodSync(folder, 0o700);
    expect({ stderr, status }).toEqual({
      stderr: expect.stringContaining('cannot be written to by this user'),
      status: 1,
    });
  });
});
