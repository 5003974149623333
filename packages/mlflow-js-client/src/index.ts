export { type ArtifactFile, listArtifacts, uploadArtifact } from './artifacts';
export { type Connection, type ConnectOptions, connect } from './connection';
export { MlflowError } from './error';
export {
  createExperiment,
  type Experiment,
  ensureExperiment,
  getExperiment,
  getExperimentByName,
  restoreExperiment,
} from './experiments';
export { type Batch, getMetricHistory, limits, logBatch, type Metric } from './metrics';
export {
  createRun,
  getRun,
  type KeyValue,
  keyValues,
  type NewRun,
  type Run,
  type RunInfo,
  type RunSearch,
  type RunStatus,
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
