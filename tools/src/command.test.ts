import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs a command with this body. @returns its errors and its exit code */
function run(work: string): { readonly errors: string; readonly code: number | null } {
  const script = `require(${JSON.stringify(join(__dirname, 'command.ts'))}).command(async () => { ${work} });`;
  const words = ['-r', './packages/core/register.cjs', '-e', script];
  const { stderr, status } = spawnSync(process.execPath, words, { cwd: join(__dirname, '../..'), encoding: 'utf8' });
  return { errors: stderr, code: status };
}

test('an error of the file system is one sentence; a bug shows its stack', () => {
  expect(run("require('node:fs').readFileSync('/nowhere/mlflow');")).toEqual({
    errors: "ENOENT: no such file or directory, open '/nowhere/mlflow'.\n",
    code: 1,
  });
  expect(run('undefined.run();')).toEqual({ errors: expect.stringMatching(/TypeError: .*\n\s+at /), code: 1 });
});
