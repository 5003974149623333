import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface TestProxy {
  /** `http://127.0.0.1:PORT` */
  readonly uri: string;
  /** `METHOD target` of all requests so far, with their Proxy-Authorization if there is one. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** An HTTP proxy that takes every host for this machine, whatever its name, and `refuse` for its own answers. */
export async function testProxy(refuse: () => number | undefined = () => undefined): Promise<TestProxy> {
  const requests: string[] = [];
  const tunnels: Duplex[] = [];
  const note = (request: { method?: string; url?: string; headers: NodeJS.Dict<string | string[]> }): void => {
    const credentials = request.headers['proxy-authorization'];
    requests.push([request.method, request.url, credentials].filter(Boolean).join(' '));
  };
  const page = '<!doctype html><html><head><title>Squid &amp; Co</title></head><body><p>No</p></body></html>';
  const server = createServer((request, response) => {
    note(request);
    const status = refuse();
    if (status !== undefined) {
      response.writeHead(status, { 'content-type': 'text/html' }).end(page);
      return;
    }
    const { port, pathname, search } = new URL(request.url ?? '');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = httpRequest({ port, host: '127.0.0.1', path: pathname + search, method: request.method, headers });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end(page));
    request.pipe(onward);
  });
  server.on('connect', (request, socket, head) => {
    note(request);
    const status = refuse();
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${page.length}\r\n\r\n${page}`);
      return;
    }
    const onward = connect(Number(String(request.url).split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) end.on('error', () => [onward, socket].map((one) => one.destroy()));
    tunnels.push(socket);
    socket.once('close', () => onward.destroy());
    onward.once('close', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => {
      server.closeAllConnections();
      for (const tunnel of tunnels) tunnel.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
