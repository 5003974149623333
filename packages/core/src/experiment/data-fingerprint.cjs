// Plain JavaScript, because it starts fast: Nx runs it before every answer from its cache.
'use strict';
const { createHash } = require('node:crypto');
const { readdirSync, statSync } = require('node:fs');
const { resolve } = require('node:path');
const { contentStamp, isSmall, statStamp } = require('../system/stamps.cjs');

/** The folder of a package's data: `$HEADSHARE_DATA/<package>`, else `data/<package>` in the workspace. */
function dataFolder(root, packageName) {
  return resolve(root, process.env.HEADSHARE_DATA || 'data', packageName);
}

const slash = Buffer.from('/');

/** Undefined for what is missing or cannot be looked at. */
function statOf(path) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/**
 * All files below a folder, in any order. Names are bytes: they need not be UTF-8. Links are followed, because large data
 * often lies behind one, but not to a folder that holds the link.
 */
function* filesBelow(folder, name, parents) {
  let entries;
  try {
    entries = readdirSync(folder, { encoding: 'buffer' });
  } catch {
    // The loader of the data explains it, if the folder is part of it.
    return;
  }
  for (const entry of entries) {
    // Lists of files that loaders derive from the data.
    if (entry.equals(own)) continue;
    const path = Buffer.concat([folder, slash, entry]);
    const stats = statOf(path);
    const below = name.length === 0 ? entry : Buffer.concat([name, slash, entry]);
    const place = stats?.isDirectory() && `${stats.dev} ${stats.ino}`;
    if (!stats || parents.includes(place)) continue;
    if (place) yield* filesBelow(path, below, [...parents, place]);
    else if (stats.isFile()) yield { path, name: below, stats };
  }
}

const own = Buffer.from('.headshare');

async function dataFingerprint(root, packageName, options) {
  return (await folderFingerprint(dataFolder(root, packageName), options)) ?? 'embedded';
}

async function folderFingerprint(folder, { verify = false, onProgress } = {}) {
  const stats = statOf(folder);
  if (!stats?.isDirectory()) return undefined;
  const walk = () => filesBelow(Buffer.from(folder), Buffer.alloc(0), [`${stats.dev} ${stats.ino}`]);
  let count = 0;
  let bytes = 0;
  for (const { stats } of walk()) {
    count++;
    bytes += stats.size;
    if (!verify && !isSmall(count, bytes)) break;
  }
  const byContent = verify || isSmall(count, bytes);
  const sum = Buffer.alloc(32);
  let files = 0;
  let done = 0;
  for (const { path, name, stats } of walk()) {
    const stamp = byContent ? await contentStamp(path).catch(() => 'unreadable') : statStamp(stats);
    const digest = createHash('sha256').update(name).update(`\0${stamp}`).digest();
    for (let i = 0; i < sum.length; i++) sum[i] ^= digest[i];
    files++;
    done += stats.size;
    if (byContent) onProgress?.(done, bytes);
  }
  return `${files}-files-${sum.toString('hex', 0, 12)}`;
}

module.exports = { dataFingerprint, dataFolder, folderFingerprint };

if (require.main === module) {
  dataFingerprint(resolve(__dirname, '../../../..'), process.argv[2] ?? '.').then(console.log);
}
