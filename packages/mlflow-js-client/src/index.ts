export {
  deleteArtifact,
  downloadArtifact,
  listArtifacts,
  listLoggedModelArtifacts,
  readArtifact,
  type TransferOptions,
  uploadArtifact,
} from './artifacts/artifacts';
export { downloadFolder, type FolderOptions, uploadFolder } from './artifacts/folders';
export { type ArtifactFile, type ArtifactOwner, type ArtifactStore, artifactsAt } from './artifacts/store';
export { type Batch, logBatch } from './batch';
export { type Connection, type ConnectOptions, connect, disconnect, withSignal } from './connection';
export { connectFromEnvironment, environmentOptions } from './environment';
export { MlflowError, type MlflowErrorCode, type MlflowErrorKind } from './error';
export {
  createExperiment,
  deleteExperiment,
  deleteExperimentTag,
  type Experiment,
  type ExperimentSearch,
  eachExperiment,
  ensureExperiment,
  getExperiment,
  getExperimentByName,
  type NewExperiment,
  renameExperiment,
  restoreExperiment,
  searchExperiments,
  setExperimentTag,
  type ViewType,
} from './experiments';
export {
  type Dataset,
  type DatasetInput,
  type Inputs,
  logInputs,
  logOutputs,
  type ModelInput,
  type ModelOutput,
  type NewDatasetInput,
} from './inputs';
export { fromKeyValues, type KeyValue, keyValues } from './key-value';
export { limits } from './limits';
export {
  createLoggedModel,
  deleteLoggedModel,
  deleteLoggedModelTag,
  eachLoggedModel,
  finalizeLoggedModel,
  getLoggedModel,
  type LoggedModel,
  type LoggedModelSearch,
  type LoggedModelStatus,
  logLoggedModelParams,
  type NewLoggedModel,
  searchLoggedModels,
  setLoggedModelTags,
} from './logged-models';
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
  type Stage,
  searchModelVersions,
  setModelVersionTag,
  transitionModelVersionStage,
  updateModelVersion,
} from './model-versions';
export {
  createRegisteredModel,
  deleteAlias,
  deleteRegisteredModel,
  deleteRegisteredModelTag,
  eachRegisteredModel,
  getRegisteredModel,
  type RegisteredModel,
  type RegistrySearch,
  renameRegisteredModel,
  searchRegisteredModels,
  setAlias,
  setRegisteredModelTag,
  updateRegisteredModel,
} from './registered-models';
export {
  createRun,
  deleteRun,
  deleteTag,
  eachRun,
  getRun,
  logParam,
  type NewRun,
  type Run,
  type RunInfo,
  type RunSearch,
  type RunStatus,
  restoreRun,
  searchRuns,
  setTag,
  updateRun,
} from './runs';
export { getVersion, isHealthy } from './server';
export {
  freePort,
  isRunning,
  type ServerOptions,
  type ServerProcess,
  spawnServer,
  startServer,
  untilHealthy,
} from './server-process';
export type { TlsOptions } from './tls';
