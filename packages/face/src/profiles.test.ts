import { resolveOptions } from '@headshare/core/experiment/settings';
import { experiments } from './experiments';
import { profiles } from './profiles';

test('ms1mv3-smoke differs from ms1mv3 only in numbers', () => {
  const { ms1mv3, 'ms1mv3-smoke': smoke } = profiles;
  expect(Object.keys(smoke)).toEqual(Object.keys(ms1mv3));
  const others = (profile: Readonly<Record<string, unknown>>) =>
    Object.entries(profile).filter(([, value]) => typeof value !== 'number');
  expect(others(smoke)).toEqual(others(ms1mv3));
});

test('sizes that a profile sets for synthetic faces do not reach real ones', () => {
  const options = (given: Record<string, unknown>, profile = 'default') =>
    resolveOptions(experiments.student, { profile, given });
  for (const profile of ['default', 'smoke']) {
    expect(options({}, profile)).toMatchObject({ imageSize: 32, identities: profile === 'default' ? 100 : 20 });
    for (const dataset of ['folder', 'ms1m']) {
      expect(options({ dataset }, profile)).toMatchObject({ imageSize: undefined, identities: undefined });
      expect(options({ dataset, imageSize: '112x96', identities: 7 }, profile)).toMatchObject({
        imageSize: '112x96',
        identities: 7,
      });
    }
  }
  expect(options({}, 'ms1mv3')).toMatchObject({ imageSize: undefined });
});
