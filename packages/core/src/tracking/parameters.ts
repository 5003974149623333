import { limits } from 'mlflow-js-client';

/**
 * A configuration as MLflow's params: nested objects become dotted names, everything else text; what is undefined or a
 * function is left out. `{ data: { size: 112 }, widths: [64, 128] }` -> `{ 'data.size': '112', widths: '[64,128]' }`.
 */
export function flatten(config: Readonly<Record<string, unknown>>, prefix = ''): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = prefix + key;
    if (value === undefined || typeof value === 'function') continue;
    if (isPlainObject(value)) Object.assign(params, flatten(value, `${name}.`));
    else params[validName(name)] = clip(typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return params;
}

/** The name with an underscore for every character that MLflow does not allow, and not longer than it allows. */
export function validName(name: string): string {
  return name.replace(/[^/\w.\- ]/g, '_').slice(0, limits.keyLength);
}

/** A tag's or param's value, not longer than MLflow allows. */
export function clip(value: string, longest: number = limits.paramLength): string {
  if (value.length <= longest) return value;
  // Half of a character that takes two is no text that a database keeps.
  return `${value.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** Not a class's instance: those have a text of their own. Under jest, objects come from several realms. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
