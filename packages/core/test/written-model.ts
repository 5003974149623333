import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Card } from 'headshare-student/card';
import type { Format, LoadedModel, WriteOptions } from '../src/delivery/format';
import type { Graph } from '../src/delivery/graph';

/** For tests: writes a graph as a model at `path` plus the format's ending, and loads it in the format's engine. */
export async function writtenModel(
  format: Format,
  graph: Graph,
  path: string,
  { card, ...options }: Omit<WriteOptions, 'name'> & { readonly card: Card },
): Promise<LoadedModel> {
  const isFolder = format.ending === '/';
  const target = isFolder ? path : `${path}${format.ending}`;
  const name = target.slice(dirname(target).length + 1);
  for (const { path: part, parts } of format.write(graph, card, { ...options, name })) {
    const file = isFolder ? join(target, part) : join(dirname(target), part);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.concat(parts.map((one) => (typeof one === 'string' ? Buffer.from(one) : one))));
  }
  return format.load(target, graph);
}
