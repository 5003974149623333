/**
 * A run's page in MLflow's user interface. The query makes MLflow show its pages for training instead of those for
 * language models.
 */
export const runPage = (uri: string, experimentId: string, runId: string): string =>
  `${uri}/#/experiments/${experimentId}/runs/${runId}?workflowType=machine_learning`;
