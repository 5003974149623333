import type { LoggedModel } from 'mlflow-js-client';
import type { LoggedNetwork } from '../journal/event';
import { schemaJson } from './tensor-schema';

/**
 * The file `MLmodel`, by which MLflow knows what a model's files are. No flavour of MLflow's own can load our checkpoints:
 * `headshare` names the one that `core:export` and the experiments' options read.
 * @param time of its making, in milliseconds since 1970
 */
export function mlmodel({ info }: LoggedModel, runId: string, network: LoggedNetwork, time: number): string {
  const { checkpoint, inputs, outputs, inputExample } = network;
  return yaml({
    artifact_path: info.artifact_uri,
    flavors: { headshare: { checkpoint } },
    model_id: info.model_id,
    model_uuid: info.model_id,
    run_id: runId,
    ...(inputExample !== undefined && {
      saved_input_example_info: { artifact_path: inputExample, type: 'ndarray' },
    }),
    signature: { inputs: schemaJson(inputs), outputs: schemaJson(outputs), params: null },
    // Python's str() of a time in UTC.
    utc_time_created: new Date(time).toISOString().replace('T', ' ').replace('Z', '000'),
  });
}

interface Mapping {
  readonly [key: string]: string | null | Mapping;
}

/** A mapping in blocks, as PyYAML writes it. A text of JSON's is one of YAML's. */
function yaml(mapping: Mapping, indent = ''): string {
  return Object.entries(mapping)
    .map(([key, value]) =>
      typeof value === 'object' && value !== null
        ? `${indent}${key}:\n${yaml(value, `${indent}  `)}`
        : `${indent}${key}: ${JSON.stringify(value)}\n`,
    )
    .join('');
}
