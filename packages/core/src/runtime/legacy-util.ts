import util from 'node:util';

/**
 * Restores functions of `util` that Node 23 removed and tfjs-node 4.22 still calls (tensorflow/tfjs#8425: merged, never
 * released). Call it before tfjs-node loads. A second call changes nothing, nor does one on an older Node.
 */
export function restoreLegacyUtil(): void {
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean; isArray: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // It still exists, but its first call prints a deprecation warning into the user's terminal.
  legacy.isArray = Array.isArray;
}
