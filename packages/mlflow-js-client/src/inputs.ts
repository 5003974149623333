import { post } from './api';
import type { Connection } from './connection';
import { invalid } from './error';
import { type KeyValue, keyValues } from './key-value';
import { checkLength, limits } from './limits';

/** A dataset that a run reads; name and digest say which. */
export interface Dataset {
  name: string;
  /** A fingerprint of the contents, at most 36 characters. */
  digest: string;
  /** What kind of thing `source` is: `local`, `http`, `s3`, `hugging_face`... */
  source_type: string;
  /** Where it comes from; MLflow's own interface reads JSON such as `{"uri": "..."}`. */
  source: string;
  /** JSON. */
  schema?: string;
  /** JSON: how many rows, what statistics. */
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

/** A logged model that a run wrote, and at which step. */
export interface ModelOutput {
  model_id: string;
  step: number;
}

export interface NewDatasetInput extends Dataset {
  /** What the run uses it for, e.g. `training`: MLflow's tag `mlflow.data.context`. */
  context?: string;
  tags?: Record<string, string>;
}

export interface Inputs {
  datasets?: NewDatasetInput[];
  modelIds?: string[];
}

/**
 * Says what a run reads. Safe to repeat: the same dataset (name and digest) is kept once, with its first tags.
 * More than 1000 datasets go in several requests. Throws INVALID_PARAMETER_VALUE for what is too long.
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

/** Says which logged models a run wrote. MLflow refuses one that was said already, so that this is not repeated by itself. */
export async function logOutputs(connection: Connection, runId: string, models: ModelOutput[]): Promise<void> {
  if (models.length > 0) await post(connection, 'runs/outputs', { run_id: runId, models }, 'once');
}

function datasetInput({ context, tags, ...dataset }: NewDatasetInput): DatasetInput {
  const { name, digest, source, source_type, schema, profile } = dataset;
  if (!name || !digest) throw invalid(`a dataset needs a name and a digest, and has "${name}" and "${digest}"`);
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
