import { join } from 'node:path';
import type { RunContext } from '@headshare/core/experiment/define';
import type { BenchmarkResult, FinishedNetworks } from '@headshare/core/recipes/domain';
import { networkFile } from '@headshare/core/recipes/network-stages';
import type { TrainingValues } from '@headshare/core/recipes/training-options';
import type { Metrics } from '@headshare/core/train/evaluation/metrics';
import { microBatchSize } from '@headshare/core/train/micro-batches';
import { leaveOut } from '@headshare/core/train/workers/in-group';
import type { DataValues } from '../options';
import { extractionName, type NetworkEmbeddings, networkEmbeddings } from './embeddings/network-embeddings';
import { describeMeta, describeZeros, type IjbMeta, readIjbMeta } from './meta/meta-files';
import { type IjbPaths, type SetName, setTitles } from './meta/sets';
import { ijbComparison, type TemplateFeatures } from './protocol/comparison';
import { ijbMetrics } from './protocol/ijb-result';
import { publishedSwitches } from './protocol/pool-templates';
import { type NamedIjbResult, reportIjb, writeResults } from './report-ijb';
import { wantedSets } from './wanted-sets';

/**
 * Measures finished networks on IJB-B and IJB-C, if the options have them: each alone, and the last one's probes against
 * its teacher's gallery. Embeddings are stored, and used by later runs with the same network.
 * All workers embed, and home does the rest: in others the result is empty.
 * Metrics are the last network's, `ijbc/tar_at_far_1e-5` ..., and `ijbc/cross_tar_at_far_1e-5` ... against its teacher.
 */
export async function benchmarkOnIjb(
  context: RunContext<DataValues & TrainingValues>,
  networks: FinishedNetworks,
): Promise<BenchmarkResult | undefined> {
  const sets = wantedSets(context.options);
  if (sets.size === 0) return undefined;
  const metrics: Record<string, number> = {};
  const [files, tables]: [string[], string[]] = [[], []];
  for (const [set, paths] of sets) {
    const meta = await readIjbMeta(paths);
    describeMeta(meta, set, context.log);
    const subjects = await embedNetworks(context, networks, set, paths, meta);
    if (!subjects) continue;
    const measured = await measure(context, networks, set, meta, subjects);
    Object.assign(metrics, measured.metrics);
    const report = await reportIjb(measured.results, set, context.folder);
    const results = Object.fromEntries(measured.results.map(({ name, result }) => [name, result]));
    writeResults(join(context.folder, `${set}.json`), { set, oddities: meta.oddities, results });
    files.push(`${set}.json`, ...report.files);
    tables.push(report.summary);
  }
  return { metrics, files, summary: tables.join('\n\n') };
}

/** Embeddings of a set's images by networks, each in its own space. */
interface Subjects {
  readonly own: ReadonlyMap<string, NetworkEmbeddings>;
  /** The last network's in its teacher's space, where that is another one. */
  readonly projected: NetworkEmbeddings | undefined;
}

/** @returns undefined in a worker that is not home */
async function embedNetworks(
  { options, signal, log, workers }: RunContext<DataValues & TrainingValues>,
  { folders, teacher }: FinishedNetworks,
  set: SetName,
  paths: IjbPaths,
  meta: IjbMeta,
): Promise<Subjects | undefined> {
  const name = setTitles[set];
  /** @param compared whether embeddings are projected into the teacher's space */
  const embed = (label: string, compared: boolean) =>
    networkEmbeddings({
      label,
      weights: networkFile(folders[label] as string),
      name,
      images: meta.images,
      crops: paths.crops,
      onUnreadable: 'fail',
      batchSize: microBatchSize(options.batchSize, options.accumulate),
      compared,
      workers,
      signal,
      log,
    });
  const own = new Map<string, NetworkEmbeddings>();
  const labels = Object.keys(folders);
  for (const label of labels) {
    const embedded = await embed(label, false);
    if (embedded) own.set(label, embedded);
  }
  const last = labels.at(-1);
  if (teacher === undefined || last === undefined) return own.size > 0 ? { own, projected: undefined } : undefined;
  // Some methods teach the student a projection into the teacher's space. Workers that are not home do not know it.
  const dimensionOf = (label: string) => own.get(label)?.embeddings.dimension;
  const isProjected = own.size === 0 || dimensionOf(last) !== dimensionOf(teacher);
  const projected = isProjected ? await embed(last, true) : undefined;
  if (!isProjected && workers) await leaveOut(workers, extractionName({ name, label: last, compared: true }));
  return own.size > 0 ? { own, projected } : undefined;
}

async function measure(
  { signal, log }: RunContext<unknown>,
  { teacher }: FinishedNetworks,
  set: SetName,
  meta: IjbMeta,
  { own, projected }: Subjects,
): Promise<{ metrics: Metrics; results: NamedIjbResult[] }> {
  const comparison = ijbComparison(meta);
  const results: NamedIjbResult[] = [];
  async function featuresOf(name: string, embeddings: NetworkEmbeddings): Promise<TemplateFeatures> {
    const zeros = new Set<number>();
    const onZero = (image: number) => zeros.add(image);
    const [features] = await comparison.pool(embeddings, [publishedSwitches], { signal, onZero });
    describeZeros(zeros, meta, (line) => log(`${name}: ${line}`));
    return features as TemplateFeatures;
  }
  async function evaluate(name: string, gallery: TemplateFeatures, probes: TemplateFeatures, prefix: string) {
    signal.throwIfAborted();
    const result = await comparison.evaluate(await comparison.score(gallery, probes));
    results.push({ name, result });
    return ijbMetrics(result, `${set}/${prefix}`);
  }
  const features = new Map<string, TemplateFeatures>();
  let metrics: Metrics = {};
  let last = '';
  for (const [name, embeddings] of own) {
    const ofNetwork = await featuresOf(name, embeddings);
    features.set(name, ofNetwork);
    metrics = await evaluate(name, ofNetwork, ofNetwork, '');
    last = name;
  }
  const gallery = teacher === undefined ? undefined : features.get(teacher);
  let probes = features.get(last);
  if (!gallery || !probes) return { metrics, results };
  if (projected) probes = await featuresOf(last, projected);
  if (probes.dimension !== gallery.dimension) return { metrics, results };
  const across = await evaluate(`gallery by ${teacher}, probes by ${last}`, gallery, probes, 'cross_');
  return { metrics: { ...metrics, ...across }, results };
}
