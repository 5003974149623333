import { join } from 'node:path';
import type { RunContext } from '@headshare/core/experiment/define';
import type { BenchmarkResult, FinishedNetworks } from '@headshare/core/recipes/domain';
import { networkFile } from '@headshare/core/recipes/network-stages';
import type { TrainingValues } from '@headshare/core/recipes/training-options';
import type { Metrics } from '@headshare/core/train/evaluation/metrics';
import { microBatchSize } from '@headshare/core/train/micro-batches';
import type { DataValues } from '../options';
import { networkEmbeddings } from './embeddings/network-embeddings';
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
    const measured = await measure(context, networks, set, paths, meta);
    Object.assign(metrics, measured.metrics);
    const report = await reportIjb(measured.results, set, context.folder);
    const results = Object.fromEntries(measured.results.map(({ name, result }) => [name, result]));
    writeResults(join(context.folder, `${set}.json`), { set, oddities: meta.oddities, results });
    files.push(`${set}.json`, ...report.files);
    tables.push(report.summary);
  }
  return { metrics, files, summary: tables.join('\n\n') };
}

async function measure(
  { options, signal, log }: RunContext<DataValues & TrainingValues>,
  { folders, teacher }: FinishedNetworks,
  set: SetName,
  paths: IjbPaths,
  meta: IjbMeta,
): Promise<{ metrics: Metrics; results: NamedIjbResult[] }> {
  const comparison = ijbComparison(meta);
  const results: NamedIjbResult[] = [];

  /** @param compared whether embeddings are projected into the teacher's space */
  async function featuresOf(name: string, compared: boolean): Promise<TemplateFeatures> {
    const embeddings = await networkEmbeddings({
      label: name,
      weights: networkFile(folders[name] as string),
      name: setTitles[set],
      images: meta.images,
      crops: paths.crops,
      onUnreadable: 'fail',
      batchSize: microBatchSize(options.batchSize, options.accumulate),
      compared,
      signal,
      log,
    });
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
  for (const name of Object.keys(folders)) {
    const own = await featuresOf(name, false);
    features.set(name, own);
    metrics = await evaluate(name, own, own, '');
    last = name;
  }
  const gallery = teacher === undefined ? undefined : features.get(teacher);
  let probes = features.get(last);
  if (!gallery || !probes) return { metrics, results };
  // Some methods teach the student a projection into the teacher's space.
  if (probes.dimension !== gallery.dimension) probes = await featuresOf(last, true);
  if (probes.dimension !== gallery.dimension) return { metrics, results };
  const across = await evaluate(`gallery by ${teacher}, probes by ${last}`, gallery, probes, 'cross_');
  return { metrics: { ...metrics, ...across }, results };
}
