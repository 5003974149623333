import { teacherAndStudent, temporaryPackage } from '../../test/temporary-package';
import { loadCatalog } from './catalog';
import type { Stage } from './define';
import { helpText, optionTable } from './help';
import { flag, group, integer, list, oneOf, optional, text } from './option';

describe("an experiment's --help", () => {
  const catalog = loadCatalog(temporaryPackage(teacherAndStudent).folder);
  const student = catalog.experiments.get('student') as Stage;

  it('lists the options of the experiment and of its dependencies', () => {
    expect(helpText(student, catalog, 'default')).toBe(`Train the student

Usage: npx nx run demo:student[:profile] [--option=value ...]

These stages run first, unless they are finished: teacher

Each option's default is in brackets; these are the defaults of the profile 'default'.

Options
  --seed=N            of all randomness (>= 0) [0]
  --epochs=N          passes over the data (>= 1) [12]
  --method=NAME       what it learns from: none, kd, th-kd [th-kd]
  --flip-test         embeds mirrored pictures too [off]
  --init=TEXT         a checkpoint to start from [not set]
  --teacher-epochs=N  passes over the data (>= 1) [20]

Other profiles: smoke. Their values: npx nx run demo:student:smoke --help`);
  });

  it("shows a profile's values, those of dependencies too", () => {
    const help = helpText(student, catalog, 'smoke');
    expect(help).toContain("the defaults of the profile 'smoke'");
    expect(help).toMatch(/--epochs=N .*\[1\]$/m);
    expect(help).toMatch(/--teacher-epochs=N .*\[2\]$/m);
    expect(help).toMatch(/Other profiles: default. Their values: npx nx run demo:student --help$/);
  });

  it('refuses an unknown profile', () => {
    expect(() => helpText(student, catalog, 'smok')).toThrow("unknown profile 'smok'; did you mean 'smoke'?");
  });
});

test('options stand under their headings, in the order of their first options', () => {
  const help = 'text';
  const table = optionTable({
    ...group('Data', { classes: integer({ default: 2, help }) }),
    ...group('Training', { batchSize: integer({ default: 8, help }) }),
    ...group('Data', { boxes: flag({ help }) }),
    names: list(text({ help: '' }), { default: [], min: 0, help }),
    weights: text({ help }),
    rate: optional(integer({ help }), 'as published'),
  });
  expect(table).toBe(`Data
  --classes=N     text [2]
  --boxes         text [off]

Training
  --batchSize=N   text [8]

Options
  --names=A,B     text [none]
  --weights=TEXT  text [required]
  --rate=N        text [as published]

--batchSize: in camel case, because Nx reads every option --batch-... as its own --batch.`);
});

test('a long list of choices is cut to the line, and the command that prints all of it is named', () => {
  const names = Array.from({ length: 40 }, (_, i) => `network-${i}`);
  const table = (listedBy?: string) =>
    optionTable({ net: oneOf(names, 'network-7', { help: 'backbone', ...(listedBy !== undefined && { listedBy }) }) });
  expect(table('core:models')).toMatch(/backbone: network-0, .*, \.\.\. \(npx nx run core:models\) \[network-7\]$/);
  expect(table()).toMatch(/backbone: network-0, .*, \.\.\. \[network-7\]$/);
  for (const text of [table(), table('core:models')]) {
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  }
});
