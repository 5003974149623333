import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { addonPlace, isLinked, linkAddon, packageFolder, packageNames } from './link';

let workspace: string;
let place: string;
let addon: string;

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'link-'));
  place = join(workspace, 'node_modules', 'tfjs-node', 'lib', 'napi-v8', 'tfjs_binding.node');
  addon = join(workspace, '.tensorflow', 'cpu', 'tfjs_binding.node');
  mkdirSync(dirname(addon), { recursive: true });
  writeFileSync(addon, 'addon');
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

test.each(['cpu', 'gpu'] as const)('the %s addon lies where node-pre-gyp looks for it', (device) => {
  const folder = packageFolder(packageNames[device]);
  const finder = createRequire(join(folder, 'package.json'))('@mapbox/node-pre-gyp') as {
    find: (manifest: string) => string;
  };
  expect(addonPlace(device)).toBe(finder.find(join(folder, 'package.json')));
});

test('a missing link is renewed, and a file in its place replaced', () => {
  linkAddon(place, addon);
  expect(isLinked(place, addon)).toBe(true);
  rmSync(join(workspace, 'node_modules'), { recursive: true });
  expect(isLinked(place, addon)).toBe(false);
  linkAddon(place, addon);
  expect(readFileSync(place, 'utf8')).toBe('addon');

  rmSync(place);
  writeFileSync(place, 'of an older installation');
  linkAddon(place, addon);
  expect(lstatSync(place).isSymbolicLink()).toBe(true);
});

test('a dead link does not count', () => {
  linkAddon(place, addon);
  rmSync(addon);
  expect(isLinked(place, addon)).toBe(false);
});

test('the link is relative and survives a move of the workspace', () => {
  linkAddon(place, addon);
  expect(readlinkSync(place)).toBe(join('..', '..', '..', '..', '.tensorflow', 'cpu', 'tfjs_binding.node'));
  const moved = `${workspace}-moved`;
  renameSync(workspace, moved);
  workspace = moved;
  expect(readFileSync(join(moved, 'node_modules', 'tfjs-node', 'lib', 'napi-v8', 'tfjs_binding.node'), 'utf8')).toBe(
    'addon',
  );
});

test('a package that is not installed is named', () => {
  expect(() => packageFolder('@tensorflow/nothing')).toThrow('@tensorflow/nothing is not installed: run npm ci first');
});
