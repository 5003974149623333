import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddingRows } from '@headshare/face/ijb/embeddings/embedding-rows';
import { ijbComparison, type TemplateFeatures } from '@headshare/face/ijb/protocol/comparison';
import { publishedSwitches } from '@headshare/face/ijb/protocol/pool-templates';
import type { SetSizes } from './synthetic-set';

/** Seconds by the clock, and CPU seconds of all threads. */
interface Seconds {
  readonly wall: number;
  readonly cpu: number;
}

export interface IjbcMeasurement {
  /** Preparing groups images by template and media; pooling includes reading from the disk. */
  readonly seconds: Readonly<Record<'preparing' | 'pooling' | 'scores' | 'curve' | 'total', Seconds>>;
  readonly peakMegabytes: number;
  readonly tarAtFar: Readonly<Record<string, number>>;
  readonly auc: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Evaluates the data that `writeSet` wrote into a folder. */
export async function measureIjbc(folder: string): Promise<IjbcMeasurement> {
  const bytes = (file: string): ArrayBuffer => {
    const { buffer, byteOffset, length } = readFileSync(join(folder, file));
    return buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
  };
  const { images, dim } = JSON.parse(readFileSync(join(folder, 'info.json'), 'utf8')) as SetSizes;
  const set = {
    images: {
      templates: new Int32Array(bytes('templates.i32')),
      medias: new Int32Array(bytes('medias.i32')),
      scores: new Float32Array(bytes('det.f32')),
    },
    pairs: {
      first: new Int32Array(bytes('p1.i32')),
      second: new Int32Array(bytes('p2.i32')),
      same: new Uint8Array(bytes('label.u8')),
    },
  };
  const file = await open(join(folder, 'embeddings.f32'));
  const embeddings: EmbeddingRows = {
    images,
    dimension: dim,
    async read(from, count) {
      const rows = new Float32Array(count * dim);
      await file.read(new Uint8Array(rows.buffer), 0, rows.byteLength, from * dim * 4);
      return rows;
    },
  };
  const start = now();
  const comparison = ijbComparison(set);
  const prepared = now();
  const [features] = (await comparison.pool({ embeddings }, [publishedSwitches])) as [TemplateFeatures];
  const pooled = now();
  const scores = await comparison.score(features, features);
  const scored = now();
  const result = await comparison.evaluate(scores);
  const end = now();
  await file.close();
  const seconds = {
    preparing: between(start, prepared),
    pooling: between(prepared, pooled),
    scores: between(pooled, scored),
    curve: between(scored, end),
    total: between(start, end),
  };
  return {
    seconds,
    peakMegabytes: (process.resourceUsage().maxRSS * 1024) / 1e6,
    tarAtFar: Object.fromEntries(Object.entries(result.tarAtFar).map(([far, { tar }]) => [far, tar])),
    auc: result.auc,
    counts: result.counts,
  };
}

function now(): Seconds {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now() / 1000, cpu: (user + system) / 1e6 };
}

const between = (start: Seconds, end: Seconds): Seconds => ({ wall: end.wall - start.wall, cpu: end.cpu - start.cpu });
