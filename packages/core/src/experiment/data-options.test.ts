import { allFor, countingProfile, forFiles, withoutEffect } from './data-options';
import { defineExperiment } from './define';
import { folder, integer, oneOf, optional } from './option';
import { resolveOptions } from './settings';

const help = '';
const options = {
  dataset: { ...oneOf(['drawn', 'folder'], 'drawn', { help }), synthetic: 'drawn' },
  data: forFiles(optional(folder({ help }))),
  people: { ...optional(integer({ help })), ofData: true },
  epochs: integer({ default: 1, help }),
  ...allFor('synthetic', { classes: integer({ default: 2, help }) }),
  ...allFor('files', { jitter: integer({ default: 0, help }) }),
};
const profiles = {
  default: { people: 300, classes: 20, epochs: 9 },
  real: { dataset: 'folder', people: 1000 },
} as const;
const experiment = defineExperiment({
  summary: 'test',
  options,
  profiles,
  run: async () => ({ metrics: {}, summary: '' }),
});
const resolve = (profile: string, given: Record<string, unknown>) => resolveOptions(experiment, { profile, given });

test("a profile's settings of its synthetic data do not reach real data", () => {
  expect(resolve('default', {})).toMatchObject({ people: 300, classes: 20, epochs: 9 });
  expect(resolve('default', { dataset: 'folder' })).toMatchObject({ people: undefined, classes: 2, epochs: 9 });
  expect(resolve('default', { dataset: 'folder', people: 5 })).toMatchObject({ people: 5 });
});

test("a profile's settings of its real data count, and do not reach synthetic data", () => {
  expect(resolve('real', {})).toMatchObject({ dataset: 'folder', people: 1000 });
  expect(resolve('real', { dataset: 'drawn' })).toMatchObject({ people: undefined });
  expect(countingProfile(options, profiles.real, {})(options.people)).toBe(true);
});

test('given options without an effect on the data are mentioned, and folders that nothing reads refused', () => {
  expect(withoutEffect(options, { dataset: 'folder' }, { classes: 3, jitter: 1, epochs: 2 })).toEqual([
    '--classes=3 has no effect with --dataset=folder: it is for synthetic data.',
  ]);
  expect(withoutEffect(options, { dataset: 'drawn' }, { classes: 3, jitter: 1 })).toEqual([
    '--jitter=1 has no effect with --dataset=drawn: it is for data in files.',
  ]);
  expect(() => withoutEffect(options, { dataset: 'drawn' }, { data: 'x' })).toThrow(
    '--data=x has no effect with the synthetic --dataset=drawn: name the data set too',
  );
  expect(withoutEffect({ epochs: options.epochs }, { epochs: 1 }, { epochs: 1 })).toEqual([]);
});
