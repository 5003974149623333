import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { LastPoint } from './dedupe-metrics';
import type { LoggedFile } from './event';
import { readJournal } from './journal';

/** Tells a model's file from others of its content. */
export const inModel = ({ path, sha256 }: LoggedFile): string => `${path} ${sha256}`;

/** What a journal holds of an earlier part of its run. */
export interface Beginning {
  /** The run's id, a new one in a new journal. */
  readonly id: string;
  /** The names of the params that were told: MLflow lets none change. */
  readonly params: ReadonlySet<string>;
  /** The last point of each metric. */
  readonly points: Map<string, LastPoint>;
  /** The files that are with a model: see `inModel`. */
  readonly inModels: Set<string>;
  /** The names of the files that are kept for its lines. */
  readonly kept: ReadonlySet<string>;
}

/** Nothing of it where there is no journal yet. Throws as `readJournal` does. */
export async function readBeginning(file: string): Promise<Beginning> {
  const points = new Map<string, LastPoint>();
  const params = new Set<string>();
  const inModels = new Set<string>();
  const kept = new Set<string>();
  let id: string | undefined;
  if (existsSync(file)) {
    for await (const { event } of readJournal(file)) {
      if (event.type === 'start') id ??= event.id;
      for (const name of event.type === 'params' ? Object.keys(event.params) : []) params.add(name);
      if (event.type === 'artifact' && 'kept' in event) kept.add(event.kept);
      for (const logged of event.type === 'model' ? event.model.files : []) {
        kept.add(logged.kept);
        inModels.add(inModel(logged));
      }
      if (event.type !== 'metrics') continue;
      const { step, time } = event;
      for (const [name, value] of Object.entries(event.values)) points.set(name, { name, value, step, time });
    }
  }
  return { id: id ?? randomUUID(), params, points, inModels, kept };
}
