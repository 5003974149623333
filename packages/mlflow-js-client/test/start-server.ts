import { startRealServer } from './real-server';

export default async function startSharedServer(): Promise<void> {
  process.env.MLFLOW_TEST_SERVER = JSON.stringify(await startRealServer());
}
