import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { syntheticFaces } from '@headshare/face/data/synthetic/synthetic-faces';

/**
 * How many procedural faces a second are rendered (into an empty cache, start of the threads included) and read back.
 * node -r @swc-node/register tools/src/bench/faces.ts [--json] [--size=112] [--images=10000] [--threads=N]
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      size: { type: 'string', default: '112' },
      images: { type: 'string', default: '10000' },
      threads: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const size = Number(values.size);
  const imagesPerIdentity = 20;
  const identities = Math.ceil(Number(values.images) / imagesPerIdentity);
  const threads = Number(values.threads);
  const cacheFolder = await mkdtemp(join(tmpdir(), 'headshare-faces-'));
  try {
    const faces = syntheticFaces({
      identities,
      imagesPerIdentity,
      size,
      seed: 1,
      split: 'train',
      cacheFolder,
      threads,
    });
    const images = faces.labels.length;
    const rendered = await seconds(() => faces.prepare?.() ?? Promise.resolve());
    const batch = 64;
    const target = new Uint8Array(batch * size * size * 3);
    const read = await seconds(async () => {
      for (let first = 0; first + batch <= images; first += batch) {
        await faces.read(
          Array.from({ length: batch }, (_, i) => (first + i * 7919) % images),
          target,
        );
      }
    });
    await faces.close();
    const result = {
      images,
      size,
      threads,
      renderedPerSecond: Math.round(images / rendered),
      readPerSecond: Math.round(images / read),
    };
    if (values.json) console.log(JSON.stringify(result));
    else {
      console.log(`${images} faces of ${size}x${size} with ${threads} threads:`);
      console.log(`rendered to disk  ${result.renderedPerSecond} images/s`);
      console.log(`read from disk    ${result.readPerSecond} images/s`);
    }
  } finally {
    await rm(cacheFolder, { recursive: true, force: true });
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

main();
