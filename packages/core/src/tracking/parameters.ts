import { limits } from 'mlflow-js-client';

/**
 * Turns a configuration into MLflow's params: nested objects become dotted names, all other values text; undefined and
 * functions are left out. `{ data: { size: 112 }, widths: [64, 128] }` -> `{ 'data.size': '112', widths: '[64,128]' }`.
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

/** Replaces characters that MLflow does not allow in a name by underscores, and cuts it to MLflow's limit. */
export function validName(name: string): string {
  return name.replace(/[^/\w.\- ]/g, '_').slice(0, limits.keyLength);
}

/** Cuts a param or tag to a length that MLflow allows. */
export function clip(value: string, longest: number = limits.paramLength): string {
  if (value.length <= longest) return value;
  // Databases reject half of a surrogate pair.
  return `${value.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** Excludes class instances, which have a text form. Under jest, objects come from several realms. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
