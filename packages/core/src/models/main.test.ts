import { runCommand } from '../../test/run-command';
import { main } from './main';

const run = (...argv: string[]) => runCommand(main, argv);

test('networks are measured by name, at their published input size', () => {
  const { exitCode, text } = run('resnet8', 'resnet8x4', '--json');
  expect(exitCode).toBe(0);
  const models = text.split('\n').map((line) => JSON.parse(line));
  expect(models.map(({ name, inputSize, embeddingSize }) => [name, inputSize, embeddingSize])).toEqual([
    ['resnet8', 32, 64],
    ['resnet8x4', 32, 256],
  ]);
});

test('networks have aliases, which the table lists', () => {
  const { text } = run('mbf', '--input-size=64', '--classes', '10');
  expect(text).toMatch(
    /mobilefacenet-insightface +mbf +64 +512 +\d\.\d{3} +\d+\.\d +32x32x128 16x16x128 8x8x256 4x4x256/,
  );
  expect(text).toContain('with a linear classifier of 10 classes');
});

test.each([
  [['mobilenetv2'], "unknown network 'mobilenetv2'; did you mean 'mobilenet_v2'?"],
  [['--input-sise=3'], 'unknown option --input-sise; did you mean --input-size?'],
  [['--input-size=0'], '--input-size must be a whole number from 1 to 1024, or two as height x width: 112x96, got 0'],
  [['--classes'], '--classes needs a value: a whole number of at least 1'],
  [['--json=yes'], '--json must be true or false, got yes'],
])('%p is refused with advice', (argv, sentence) => {
  const { exitCode, text } = run(...argv);
  expect(exitCode).toBe(2);
  expect(text).toContain(sentence);
});
