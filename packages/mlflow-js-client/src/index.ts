export * from './artifacts/artifacts';
export * from './artifacts/folders';
export type { ArtifactFile, ArtifactOwner, ArtifactStore } from './artifacts/store';
export { type Batch, logBatch } from './batch';
export {
  type Connection,
  type ConnectOptions,
  connect,
  connectFromEnvironment,
  disconnect,
  environmentOptions,
  withSignal,
} from './connection';
export { MlflowError, type MlflowErrorCode, type MlflowErrorKind } from './error';
export * from './experiments';
export * from './inputs';
export * from './key-value';
export { limits } from './limits';
export * from './logged-models';
export {
  eachMetricPoint,
  getMetricHistory,
  getMetricInterval,
  logMetric,
  type Metric,
  type MetricInterval,
} from './metrics';
export {
  createModelVersion,
  deleteModelVersion,
  deleteModelVersionTag,
  eachModelVersion,
  getLatestVersions,
  getModelVersion,
  getModelVersionByAlias,
  getModelVersionDownloadUri,
  type ModelVersion,
  type ModelVersionStatus,
  type NewModelVersion,
  type RegistrySearch,
  type Stage,
  searchModelVersions,
  setModelVersionTag,
  transitionModelVersionStage,
  updateModelVersion,
} from './model-versions';
export type { ProxyVariables } from './proxy';
export * from './registered-models';
export * from './runs';
export { hideSecrets } from './secrets';
export * from './server';
export type { TlsOptions } from './tls';
