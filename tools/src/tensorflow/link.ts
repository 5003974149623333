import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Device } from '@headshare/core/runtime/device';
import { UserError } from '@headshare/core/system/user-error';

export const packageNames = { cpu: '@tensorflow/tfjs-node', gpu: '@tensorflow/tfjs-node-gpu' } as const;

/** The folder of an installed npm package. @throws UserError (exit code 1) if it is not installed */
export function packageFolder(name: string, from: string = __filename): string {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    throw new UserError(`The package ${name} is not installed: run npm ci first.`, 1);
  }
}

/** The path where tfjs-node looks for its addon. Every supported Node has N-API 8, the highest that tfjs-node lists. */
export function addonPlace(device: Device): string {
  return join(packageFolder(packageNames[device]), 'lib', 'napi-v8', 'tfjs_binding.node');
}

/** Whether `place` already leads to `addon`. */
export function isLinked(place: string, addon: string): boolean {
  return existsSync(place) && existsSync(addon) && realpathSync(place) === realpathSync(addon);
}

/**
 * Makes `place` a symbolic link to `addon`, and atomically replaces whatever is there. The link is relative, so that the
 * workspace can be moved. npm ci removes it, and every call of the tool renews it.
 */
export function linkAddon(place: string, addon: string): void {
  if (isLinked(place, addon)) return;
  mkdirSync(dirname(place), { recursive: true });
  const target = relative(realpathSync(dirname(place)), realpathSync(addon));
  const fresh = `${place}.${process.pid}`;
  rmSync(fresh, { force: true });
  symlinkSync(target, fresh);
  renameSync(fresh, place);
  // A folder in between may be a link that leads out of the workspace.
  if (!isLinked(place, addon)) {
    const found = lstatSync(place).isSymbolicLink() ? readlinkSync(place) : 'a file';
    throw new Error(`${place} does not lead to ${addon} but to ${found}.`);
  }
}
