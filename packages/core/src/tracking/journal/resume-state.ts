import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { validName } from '../parameters';
import type { LoggedFile, MetricPoint } from './event';
import { readJournal } from './journal';

/** The last point of a metric; overwritten by every step, so copy it to keep it. */
export type LastPoint = { -readonly [K in keyof MetricPoint]: MetricPoint[K] };

/** Identifies a model's file by path and content. */
export const fileKey = ({ path, sha256 }: LoggedFile): string => `${path} ${sha256}`;

/** The part of a journal's content that a resumed run needs. */
export interface ResumeState {
  /** The run's id; a new one for a new journal. */
  readonly id: string;
  /** Names of the logged params: MLflow does not allow changing them. */
  readonly params: ReadonlySet<string>;
  /** The last point of each metric, by valid name. */
  readonly points: Map<string, LastPoint>;
  /** `fileKey`s of the files of logged models. */
  readonly modelFiles: Set<string>;
  /** Names of the spooled files that events refer to. */
  readonly spooled: ReadonlySet<string>;
}

/** Empty if the journal does not exist. Throws as `readJournal` does. */
export async function readResumeState(journal: string): Promise<ResumeState> {
  const points = new Map<string, LastPoint>();
  const params = new Set<string>();
  const modelFiles = new Set<string>();
  const spooled = new Set<string>();
  let id: string | undefined;
  for await (const { event } of existsSync(journal) ? readJournal(journal) : []) {
    if (event.type === 'start') id ??= event.id;
    else if (event.type === 'params') for (const name of Object.keys(event.params)) params.add(name);
    else if (event.type === 'artifact' && 'kept' in event) spooled.add(event.kept);
    else if (event.type === 'model') {
      for (const file of event.model.files) {
        spooled.add(file.kept);
        modelFiles.add(fileKey(file));
      }
    } else if (event.type === 'metrics') {
      const { step, time } = event;
      for (const [name, value] of Object.entries(event.values)) points.set(name, { name, value, step, time });
    }
  }
  return { id: id ?? randomUUID(), params, points, modelFiles, spooled };
}

type Metrics = Readonly<Record<string, number>>;

/**
 * Returns a function that keeps the metrics whose step is beyond their last one, under names that MLflow accepts;
 * undefined if there are none.
 * @param points the last points by valid name, updated on every call
 */
export function dedupeMetrics(
  points: Map<string, LastPoint>,
): (metrics: Metrics, step: number, time: number) => Metrics | undefined {
  // Spares a training step the making of valid names.
  const byKey = new Map<string, LastPoint>();
  const lastOf = (key: string): LastPoint => {
    let last = byKey.get(key);
    if (last === undefined) {
      const name = validName(key);
      last = points.get(name) ?? { name, value: Number.NaN, step: Number.NEGATIVE_INFINITY, time: 0 };
      points.set(name, last);
      byKey.set(key, last);
    }
    return last;
  };
  return (metrics, step, time) => {
    const fresh: [string, number][] = [];
    let isUnchanged = true;
    for (const [key, value] of Object.entries(metrics)) {
      const last = lastOf(key);
      isUnchanged &&= last.step < step && last.name === key;
      if (last.step >= step) continue;
      last.value = value;
      last.step = step;
      last.time = time;
      fresh.push([last.name, value]);
    }
    if (fresh.length === 0) return undefined;
    // Copies only if necessary: a training step waits for this.
    return isUnchanged ? metrics : Object.fromEntries(fresh);
  };
}
