import { rowText } from '../../experiment/sweep/plan-sweep';
import { type NamedNetwork, sameNetworks, underNewNames } from './same-networks';

const network = (title: string, temperature: string | undefined, seed: number, weights?: string): NamedNetwork => ({
  name: { title, settings: temperature === undefined ? {} : { temperature } },
  seed,
  weights,
});
const renamed = (...networks: NamedNetwork[]) =>
  Object.fromEntries([...sameNetworks(networks)].map(([row, name]) => [row, rowText(name)]));

test('rows of the same networks under every seed become one', () => {
  expect(
    renamed(
      network('sh-kd', '2', 1, 'a'),
      network('sh-kd', '2', 2, 'b'),
      network('sh-kd', '4', 2, 'b'),
      network('sh-kd', '4', 1, 'a'),
      network('sh-kd', '8', 1, 'a'),
      network('sh-kd', '8', 2, 'b'),
      network('kd', '2', 1, 'c'),
      network('kd', '4', 1, 'd'),
    ),
  ).toEqual({
    'sh-kd, temperature 2': 'sh-kd, temperature 2, 4 or 8',
    'sh-kd, temperature 4': 'sh-kd, temperature 2, 4 or 8',
    'sh-kd, temperature 8': 'sh-kd, temperature 2, 4 or 8',
  });
});

test('an option that only one of the rows names', () => {
  expect(renamed(network('kd', undefined, 1, 'a'), network('kd', '4', 1, 'a'))).toEqual({
    kd: 'kd, temperature by default or 4',
    'kd, temperature 4': 'kd, temperature by default or 4',
  });
});

test.each([
  ['for another seed', [network('kd', '2', 1, 'a'), network('kd', '4', 2, 'a')]],
  ['where a seed is missing', [network('kd', '2', 1, 'a'), network('kd', '2', 2, 'b'), network('kd', '4', 1, 'a')]],
  ['for another method', [network('kd', '2', 1, 'a'), network('l2e', '2', 1, 'a')]],
  ['for unknown weights', [network('kd', '2', 1), network('kd', '4', 1)]],
])('rows stay apart %s', (_, networks) => {
  expect(renamed(...networks)).toEqual({});
});

test('a joint row has the baselines of all its rows, except itself', () => {
  const baselines = new Map([
    ['kd 2', ['alone']],
    ['sh-kd 2', ['alone', 'kd 2']],
    ['sh-kd 4', ['alone', 'kd 4', 'sh-kd 2']],
  ]);
  const rename = (row: string) => (row.startsWith('sh-kd') ? 'sh-kd 2 or 4' : row);
  expect([...underNewNames(baselines, rename)]).toEqual([
    ['kd 2', ['alone']],
    ['sh-kd 2 or 4', ['alone', 'kd 2', 'kd 4']],
  ]);
});
