import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Connection, type ConnectOptions, connect } from '../src/index';

export interface PlainServer {
  readonly connection: Connection;
  /** `METHOD path` of all requests so far. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** A plain HTTP server for answers that a healthy MLflow never gives. */
export async function answering(listener: RequestListener, options: ConnectOptions = {}): Promise<PlainServer> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    connection: connect(uri, { timeout: 20_000, retryDelay: 1, ...options }),
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
