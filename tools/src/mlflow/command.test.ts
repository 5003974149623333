import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What a command whose work is this prints in the end, and its exit code. */
function ended(work: string): { readonly errors: string; readonly code: number | null } {
  const script = `require(${JSON.stringify(join(__dirname, 'command.ts'))}).command(async () => { ${work} });`;
  const words = ['-r', '@swc-node/register', '-e', script];
  const { stderr, status } = spawnSync(process.execPath, words, { cwd: join(__dirname, '../../..'), encoding: 'utf8' });
  return { errors: stderr, code: status };
}

test('what the file system refuses is one sentence; what is a fault of the program shows its stack', () => {
  expect(ended("require('node:fs').readFileSync('/nowhere/mlflow');")).toEqual({
    errors: "ENOENT: no such file or directory, open '/nowhere/mlflow'.\n",
    code: 1,
  });
  expect(ended('undefined.run();')).toEqual({ errors: expect.stringMatching(/TypeError: .*\n\s+at /), code: 1 });
});
