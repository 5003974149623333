import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { definitionsIn } from './definitions';

const folder = mkdtempSync(join(tmpdir(), 'headshare-definitions-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'many.ts'), "export default [{ name: 'net20' }, { name: 'net8', aliases: ['small'] }];");
writeFileSync(join(folder, 'one.ts'), "export default { name: 'other' };");
writeFileSync(join(folder, 'one.test.ts'), 'throw new Error();');

test("a file's default export adds one or several definitions", () => {
  const nets = definitionsIn<{ name: string; aliases?: string[] }>(folder, 'net');
  expect(nets.names).toEqual(['net8', 'net20', 'other', 'small']);
  expect(nets.all).toHaveLength(3);
  expect(nets.named('small')).toBe(nets.named('net8'));
  expect(() => nets.named('net9')).toThrow('There is no net named net9: net8, net20, other, small.');
});
