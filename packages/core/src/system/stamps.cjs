// The one fingerprint of files of data. Plain JavaScript, because Nx runs it before every answer from its cache.
'use strict';
const { createHash } = require('node:crypto');
const { closeSync, fstatSync, openSync, readSync } = require('node:fs');

const mostBytes = 2 ** 28;
const mostFiles = 20_000;

function isSmall(files, bytes) {
  return files <= mostFiles && bytes <= mostBytes;
}

function statStamp({ size, mtimeMs, ino }) {
  return `${size} ${mtimeMs} ${ino}`;
}

const known = new Map();
const mostKnown = 200_000;
// Large enough to be fast, small enough to block for a millisecond.
const chunk = Buffer.alloc(2 ** 20);
let sinceRest = 0;

async function contentStamp(path) {
  const file = openSync(path, 'r');
  try {
    const stats = fstatSync(file);
    const key = `${stats.dev} ${statStamp(stats)} ${stats.ctimeMs}`;
    // A file that has just been written may be written again within the same tick of the clock.
    const settled = Date.now() - stats.ctimeMs > 2500;
    const before = settled ? known.get(key) : undefined;
    if (before !== undefined) return before;
    const hash = createHash('sha256');
    for (;;) {
      const bytes = readSync(file, chunk, 0, chunk.length, null);
      if (bytes === 0) break;
      hash.update(chunk.subarray(0, bytes));
      sinceRest += bytes;
      if (sinceRest >= 8 * chunk.length) await rest();
    }
    const stamp = hash.digest('hex');
    if (settled && known.size < mostKnown) known.set(key, stamp);
    return stamp;
  } finally {
    closeSync(file);
  }
}

/** Lets signals and progress bars have their turn. */
function rest() {
  sinceRest = 0;
  return new Promise((resolve) => setImmediate(resolve));
}

module.exports = { contentStamp, isSmall, statStamp };
