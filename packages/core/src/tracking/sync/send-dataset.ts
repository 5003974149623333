import { type Connection, logInputs } from 'mlflow-js-client';
import type { DatasetInput } from '../journal/event';
import { schemaJson } from './tensor-schema';

/** Says that a run reads a data set; again, it is the same one. */
export async function sendDataset(server: Connection, runId: string, dataset: DatasetInput): Promise<void> {
  const { name, digest, context, source, features, targets, profile } = dataset;
  // As MLflow's own client writes them: LocalArtifactDatasetSource, CodeDatasetSource, TensorDatasetSchema.
  const [source_type, place] =
    'path' in source
      ? (['local', { uri: source.path }] as const)
      : (['code', { tags: { 'mlflow.source.name': source.drawnBy, 'mlflow.source.type': 'LOCAL' } }] as const);
  const tensors = { features: schemaJson(features), targets: targets ? schemaJson(targets) : null };
  const input = {
    name,
    digest,
    context,
    source_type,
    source: JSON.stringify(place),
    schema: JSON.stringify({ mlflow_tensorspec: tensors }),
    profile: JSON.stringify(profile),
  };
  await logInputs(server, runId, { datasets: [input] });
}
