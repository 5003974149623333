import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Device } from '@headshare/core/runtime/device';
import { UserError } from '@headshare/core/system/user-error';

export const packageNames = { cpu: '@tensorflow/tfjs-node', gpu: '@tensorflow/tfjs-node-gpu' } as const;

/** The folder of an installed npm package. @throws UserError (exit code 1) when it is not installed. */
export function packageFolder(name: string, from: string = __filename): string {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    throw new UserError(`The package ${name} is not installed: run npm ci first.`, 1);
  }
}

/** Where tfjs-node looks for its addon: node-pre-gyp takes the highest N-API it lists, 8 on every Node we run on. */
export function addonPlace(device: Device): string {
  return join(packageFolder(packageNames[device]), 'lib', 'napi-v8', 'tfjs_binding.node');
}

/** True when `place` already leads to `addon`. */
export function isLinked(place: string, addon: string): boolean {
  return existsSync(place) && existsSync(addon) && realpathSync(place) === realpathSync(addon);
}

/**
 * Makes `place` a symbolic link to `addon`, replacing whatever is there in one step. The link is relative, so that a
 * workspace can be moved or mounted elsewhere. npm ci wipes it: every call of the tool renews it.
 */
export function linkAddon(place: string, addon: string): void {
  if (isLinked(place, addon)) return;
  mkdirSync(dirname(place), { recursive: true });
  const target = relative(realpathSync(dirname(place)), realpathSync(addon));
  const fresh = `${place}.${process.pid}`;
  rmSync(fresh, { force: true });
  symlinkSync(target, fresh);
  renameSync(fresh, place);
  // Where a folder on the way is itself a link out of the workspace, say so rather than leave a dead link.
  if (!isLinked(place, addon)) {
    const found = lstatSync(place).isSymbolicLink() ? readlinkSync(place) : 'a file';
    throw new Error(`${place} does not lead to ${addon} but to ${found}.`);
  }
}
