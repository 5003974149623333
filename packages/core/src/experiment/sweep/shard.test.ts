import { shardOf, shardOption } from './shard';

const parse = (text: string) => shardOption.parse(text, '--shard');

test('a part of several', () => {
  expect(parse('2/4')).toBe('2/4');
  expect(shardOf('2/4')).toEqual({ index: 2, count: 4 });
  expect([shardOf('1/1'), shardOf(undefined)]).toEqual([undefined, undefined]);
});

const otherwise = 'such as 2/4 for the second of four machines';
test.each([
  ['0/4', otherwise],
  ['5/4', 'from 1/4 to 4/4'],
  ['2/0', otherwise],
  ['2 of 4', otherwise],
  ['2/1', otherwise],
  ['-1/4', otherwise],
  ['2/4/8', otherwise],
  ['2', otherwise],
  ['1/10000', otherwise],
  ['', otherwise],
])("'%s' is refused", (text, parts) => {
  expect(() => parse(text)).toThrow(`--shard must be one part of several, ${parts}, got ${text || 'nothing'}`);
});
