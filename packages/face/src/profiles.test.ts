import { profiles } from './profiles';

test('ms1mv3-smoke differs from ms1mv3 only in numbers', () => {
  const { ms1mv3, 'ms1mv3-smoke': smoke } = profiles;
  expect(Object.keys(smoke)).toEqual(Object.keys(ms1mv3));
  const others = (profile: Readonly<Record<string, unknown>>) =>
    Object.entries(profile).filter(([, value]) => typeof value !== 'number');
  expect(others(smoke)).toEqual(others(ms1mv3));
});
