import { join } from 'node:path';
import type { RunContext } from '@headshare/core/experiment/define';
import type { BenchmarkResult, FinishedNetworks } from '@headshare/core/recipes/distillation-experiments';
import { networkFile } from '@headshare/core/recipes/network-stages';
import type { TrainingValues } from '@headshare/core/recipes/training-options';
import type { Metrics } from '@headshare/core/train/metrics';
import { microBatchSize } from '@headshare/core/train/training-step';
import type { DataValues } from '../options';
import { networkEmbeddings } from './embeddings/network-embeddings';
import { describeMeta } from './meta/describe-meta';
import { type IjbMeta, readIjbMeta } from './meta/meta-files';
import { type IjbPlaces, type SetName, setTitles } from './meta/sets';
import { type IjbComparison, ijbComparison, type TemplateFeatures } from './protocol/evaluate-ijb';
import { ijbMetrics, type NamedIjbResult, reportIjb, writeResults } from './report-ijb';
import { wantedSets } from './wanted-sets';

/** The public script's features. */
const asPublished = [{ flip: true, norm: true, detector: true }];

/**
 * Measures finished networks on IJB-B and IJB-C, where the options have them: each by itself, and the last one's probes
 * against its teacher's gallery. Embeddings are kept for the next run that wants those of the same network.
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
  for (const [set, places] of sets) {
    const meta = await readIjbMeta(places);
    describeMeta(meta, set, context.log);
    const { own, across, all } = await measure(context, networks, { set, places, meta });
    Object.assign(metrics, own, across);
    const report = await reportIjb(all, setTitles[set], context.folder);
    const file = `${set}.json`;
    const results = Object.fromEntries(all.map(({ name, result }) => [name, result]));
    writeResults(join(context.folder, file), { set, oddities: meta.oddities, results });
    files.push(file, ...report.files);
    tables.push(report.summary);
  }
  return { metrics, files, summary: tables.join('\n\n') };
}

interface OpenedSet {
  readonly set: SetName;
  readonly places: IjbPlaces;
  readonly meta: IjbMeta;
}

async function measure(
  context: RunContext<DataValues & TrainingValues>,
  { folders, teacher }: FinishedNetworks,
  opened: OpenedSet,
): Promise<{ own: Metrics; across: Metrics; all: NamedIjbResult[] }> {
  const { set, meta } = opened;
  const comparison = ijbComparison(meta);
  const features = new Map<string, TemplateFeatures>();
  const all: NamedIjbResult[] = [];
  const judge = async (name: string, gallery: TemplateFeatures, probes: TemplateFeatures, prefix: string) => {
    context.signal.throwIfAborted();
    const result = await comparison.judge(await comparison.score(gallery, probes));
    all.push({ name, result });
    return ijbMetrics(result, `${set}/${prefix}`);
  };
  let own: Metrics = {};
  let last: { readonly name: string; readonly folder: string; readonly made: TemplateFeatures } | undefined;
  for (const [name, folder] of Object.entries(folders)) {
    const made = await featuresOf(context, opened, comparison, { name, folder, compared: false });
    features.set(name, made);
    own = await judge(name, made, made, '');
    last = { name, folder, made };
  }
  const gallery = teacher === undefined ? undefined : features.get(teacher);
  if (!gallery || !last) return { own, across: {}, all };
  const { name, folder, made } = last;
  // Embeddings of another length are taken to the teacher's space, where the method has taught the student the way.
  const probes =
    made.dimension === gallery.dimension
      ? made
      : await featuresOf(context, opened, comparison, { name, folder, compared: true });
  if (probes.dimension !== gallery.dimension) return { own, across: {}, all };
  const across = await judge(`gallery by ${teacher}, probes by ${name}`, gallery, probes, 'cross_');
  return { own, across, all };
}

async function featuresOf(
  { options, signal, log }: RunContext<DataValues & TrainingValues>,
  { set, places, meta }: OpenedSet,
  comparison: IjbComparison,
  { name, folder, compared }: { readonly name: string; readonly folder: string; readonly compared: boolean },
): Promise<TemplateFeatures> {
  const views = await networkEmbeddings({
    label: name,
    weights: networkFile(folder),
    name: setTitles[set],
    images: meta.images,
    crops: places.crops,
    onUnreadable: 'fail',
    batchSize: microBatchSize(options.batchSize, options.accumulate),
    compared,
    signal,
    log,
  });
  const [features] = await comparison.pool(views, asPublished, { signal });
  return features as TemplateFeatures;
}
