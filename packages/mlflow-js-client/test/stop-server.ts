import { realServer, stopRealServer } from './real-server';

export default async function stopSharedServer(): Promise<void> {
  stopRealServer(realServer());
}
