import { post } from './api';
import type { Connection } from './connection';
import { invalid } from './error';
import { type KeyValue, keyValues } from './key-value';
import { checkLength, limits } from './limits';

/** A dataset that a run reads, identified by name and digest. */
export interface Dataset {
  name: string;
  /** A fingerprint of the contents, at most 36 characters. */
  digest: string;
  /** The kind of `source`: `local`, `http`, `s3`, `hugging_face`... */
  source_type: string;
  /** The origin of the data; MLflow's interface reads JSON such as `{"uri": "..."}`. */
  source: string;
  /** JSON. */
  schema?: string;
  /** JSON: the number of rows, statistics. */
  profile?: string;
}

export interface DatasetInput {
  dataset: Dataset;
  tags?: KeyValue[];
}

/** A logged model that a run reads. */
export interface ModelInput {
  model_id: string;
}

/** A logged model that a run wrote at a step. */
export interface ModelOutput {
  model_id: string;
  step: number;
}

export interface NewDatasetInput extends Dataset {
  /** The use in the run, e.g. `training`: MLflow's tag `mlflow.data.context`. */
  context?: string;
  tags?: Record<string, string>;
}

export interface Inputs {
  datasets?: NewDatasetInput[];
  modelIds?: string[];
}

/**
 * Logs the datasets and models that a run reads. Safe to repeat: MLflow keeps a dataset (name and digest) once, with
 * its first tags. Splits more than 1000 datasets into several requests. Throws INVALID_PARAMETER_VALUE for long fields.
 */
export async function logInputs(connection: Connection, runId: string, inputs: Inputs): Promise<void> {
  const datasets = (inputs.datasets ?? []).map(datasetInput);
  let models: ModelInput[] = (inputs.modelIds ?? []).map((model_id) => ({ model_id }));
  for (let start = 0; start < datasets.length || models.length > 0; start += limits.datasets) {
    const part = datasets.slice(start, start + limits.datasets);
    await post(connection, 'runs/log-inputs', { run_id: runId, datasets: part, models }, 'repeatable');
    models = [];
  }
}

/** Logs the models that a run wrote. Not repeated automatically: MLflow refuses an output that was logged already. */
export async function logOutputs(connection: Connection, runId: string, models: ModelOutput[]): Promise<void> {
  if (models.length > 0) await post(connection, 'runs/outputs', { run_id: runId, models }, 'once');
}

function datasetInput({ context, tags, ...dataset }: NewDatasetInput): DatasetInput {
  const { name, digest, source, source_type, schema, profile } = dataset;
  if (!name || !digest) throw invalid(`a dataset needs a name and a digest, but has "${name}" and "${digest}"`);
  const named = `dataset "${name.slice(0, 40)}"`;
  checkLength(`the name of ${named}`, name, limits.datasetNameLength);
  checkLength(`the digest of ${named}`, digest, limits.datasetDigestLength);
  checkLength(`the source of ${named}`, source, limits.datasetSourceLength);
  checkLength(`the schema of ${named}`, schema ?? '', limits.datasetSchemaLength);
  checkLength(`the profile of ${named}`, profile ?? '', limits.datasetProfileLength);
  return {
    dataset: { name, digest, source_type, source, schema, profile },
    tags: keyValues({ ...tags, ...(context === undefined ? {} : { 'mlflow.data.context': context }) }),
  };
}
