import { join } from 'node:path';
import { loadCatalog, nameOf, withDependencies } from '@headshare/core/experiment/catalog';
import type { Overrides } from '@headshare/core/experiment/define';
import type { RecordedRun } from '@headshare/core/experiment/recorded/recorded-run';
import { resolveOptions } from '@headshare/core/experiment/settings';
import { restate } from './restate';

const catalog = loadCatalog(join(__dirname, '../../../packages/face'));

/** What the record of a run under the smoke profile and these options says. */
function recorded(name: string, given: Overrides): RecordedRun {
  const experiment = catalog.experiments.get(name);
  if (experiment === undefined) throw new Error(`no experiment ${name}`);
  const options = Object.fromEntries(
    withDependencies(experiment).map((stage) => [
      nameOf(catalog, stage),
      resolveOptions(stage, { profile: 'smoke', given }),
    ]),
  );
  const identity = { experiment: name, options: JSON.parse(JSON.stringify(options)) };
  return { identity, profile: 'smoke', environments: [] } as unknown as RecordedRun;
}

test.each([
  ['distill', { method: 'kd', seed: 3 }, ['--profile=smoke', '--seed=3', '--method=kd']],
  // A sweep refuses the method, which it varies, beside its methods, even where it is the default.
  ['sweep', { methods: ['kd', 'th-kd'], seeds: 2 }, ['--profile=smoke', '--seeds=2', '--methods=kd,th-kd']],
  [
    'sweep',
    { sweep: ['beta=1,3', 'learning-rate=0.1,0.2'], epochs: 2 },
    ['--profile=smoke', '--sweep=beta=1,3', '--sweep=learning-rate=0.1,0.2', '--epochs=2'],
  ],
])('the command line of %s with %j has only these options', (name, given, words) => {
  expect(restate(recorded(name, given), catalog)).toEqual({ words, newOptions: [] });
});
