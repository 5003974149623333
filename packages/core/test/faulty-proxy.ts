import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A fault that the proxy simulates for a request. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Breaks the connection after half of the server's answer. */
  | { readonly kind: 'cut midway' }
  /** Passes the request on and loses the answer. */
  | { readonly kind: 'lost answer' }
  /** Delays the answer. */
  | { readonly kind: 'slow'; readonly milliseconds: number };

export interface FaultyProxy {
  readonly uri: string;
  /** Chooses the fault for a path (without query); undefined passes the request on. */
  fault: ((path: string) => Fault | undefined) | undefined;
  close(): Promise<void>;
}

/** Starts a proxy in front of a real server; it simulates network faults. */
export async function faultyProxy(target: string): Promise<FaultyProxy> {
  const server = createServer((incoming, outgoing) => {
    const fault = proxy.fault?.((incoming.url ?? '').replace(/\?.*/, ''));
    // Fails if the client has closed the connection.
    handle(target, incoming, outgoing, fault).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultyProxy = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: undefined,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

async function handle(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault?: Fault) {
  const body = await bytesOf(incoming);
  if (fault?.kind === 'answer') {
    outgoing.writeHead(fault.status, fault.headers).end(fault.body);
    return;
  }
  const { status, headers, bytes } = await passOn(target, incoming, body);
  if (fault?.kind === 'lost answer') {
    outgoing.destroy();
    return;
  }
  if (fault?.kind === 'slow') await sleep(fault.milliseconds);
  outgoing.writeHead(status, { ...headers, 'content-length': bytes.length });
  if (fault?.kind === 'cut midway') {
    outgoing.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => outgoing.destroy());
    return;
  }
  outgoing.end(bytes);
}

async function passOn(target: string, { url, method, headers }: IncomingMessage, body: Buffer) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { 'transfer-encoding': _, ...rest } = headers;
    const request = httpRequest(target + url, { method, headers: { ...rest, 'content-length': body.length } }, resolve);
    request.on('error', reject);
    request.end(body);
  });
  const { 'transfer-encoding': _, connection: __, ...forwarded } = answer.headers;
  return { status: answer.statusCode ?? 0, headers: forwarded, bytes: await bytesOf(answer) };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
