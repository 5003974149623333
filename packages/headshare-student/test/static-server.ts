import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const types: Readonly<Record<string, string>> = {
  html: 'text/html',
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
  json: 'application/json',
};

export interface StaticServer {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves contents by their paths.
 * @param isolated sends the headers that let a page use threads
 */
export async function serve(
  contentOf: (path: string) => Uint8Array | string | undefined,
  { isolated = false } = {},
): Promise<StaticServer> {
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const content = contentOf(decodeURIComponent(pathname));
    if (content === undefined) return void response.writeHead(404).end();
    const headers: Record<string, string> = {
      'content-type':
        types[pathname.endsWith('/') ? 'html' : (pathname.split('.').at(-1) ?? '')] ?? 'application/octet-stream',
    };
    if (isolated) {
      headers['cross-origin-opener-policy'] = 'same-origin';
      headers['cross-origin-embedder-policy'] = 'require-corp';
    }
    response.writeHead(200, headers).end(content);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}
