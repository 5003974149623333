import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as client from './index';

test("README's table names every exported function", () => {
  const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
  const table = readme.slice(readme.indexOf('## Functions'), readme.indexOf('## Searching'));
  const named = [...table.matchAll(/`([a-z]\w+)`/g)].map(([, name]) => name);
  const functions = Object.entries(client).filter(([, value]) => typeof value === 'function' && !isClass(value));
  expect(named.sort()).toEqual(functions.map(([name]) => name).sort());
});

const isClass = (value: unknown): boolean => value === client.MlflowError;
