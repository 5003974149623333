import type { TensorSpec } from '../journal/event';

/** Tensors as MLflow's `Schema.to_json` writes them. */
export const schemaJson = (tensors: readonly TensorSpec[]): string =>
  JSON.stringify(tensors.map(({ name, dtype, shape }) => ({ name, type: 'tensor', 'tensor-spec': { dtype, shape } })));
