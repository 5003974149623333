import { runCommand } from '../../test/run-command';
import { methods } from '../distill/registry';
import { main } from './main';

const run = (...argv: string[]) => runCommand(main, argv);

test('all methods are listed, one per line', () => {
  const { exitCode, text } = run('--json');
  expect(exitCode).toBe(0);
  const listed = text.split('\n').map((line) => JSON.parse(line));
  expect(listed.map(({ name, defaults }) => [name, defaults])).toEqual(
    methods.all.map(({ name, defaults }) => [name, defaults]),
  );
});

test('the table has methods by name or alias, with weights and hyperparameters', () => {
  const { text } = run('kdth', 'rkd');
  expect(text).toMatch(/^th-kd +kdth +.* +1 +1\.5 +0\.02 +0 +4 +– +teacher-head +arXiv 2201\.06945/m);
  expect(text).toMatch(/^rkd .*distance/im);
  expect(text).not.toMatch(/^crd/m);
});

test.each([
  [['crdd'], "unknown method 'crdd'; did you mean 'crd'?"],
  [['--jsno'], 'unknown option --jsno; did you mean --json?'],
  [['--json=yes'], '--json must be true or false, got yes'],
])('%p is refused with advice', (argv, sentence) => {
  const { exitCode, text } = run(...argv);
  expect(exitCode).toBe(2);
  expect(text).toContain(sentence);
});
