import util from 'node:util';

/**
 * Puts back what Node 23 took out of `util` and tfjs-node 4.22 still calls (tensorflow/tfjs#8425: merged, never
 * released). Call it before tfjs-node loads; doing so again, or on an older Node, changes nothing.
 */
export function restoreLegacyUtil(): void {
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean; isArray: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // Still there, but it prints a deprecation warning into the user's terminal at its first call.
  legacy.isArray = Array.isArray;
}
