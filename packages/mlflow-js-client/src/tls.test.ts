import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { connect, connectFromEnvironment } from './connection';
import { send } from './send';
import type { TlsOptions } from './tls';

const fixture = (name: string): string => join(__dirname, '../fixtures', name);
const read = { method: 'GET', path: '/x' } as const;

let server: Server;
let calls = 0;

/** Answers with the name in the client's certificate. */
const listen = async (options: ServerOptions = {}): Promise<string> => {
  const pem = readFileSync(fixture('server.pem'));
  server = createServer({ cert: pem, key: pem, ...options }, (request, response) => {
    calls++;
    response.end(String((request.socket as TLSSocket).getPeerCertificate()?.subject?.CN));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

afterEach(async () => {
  calls = 0;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a certificate of an unknown authority is refused, and trusted with its authority', async () => {
  const uri = await listen();
  await expect(send(connect(uri), read)).rejects.toMatchObject({
    code: 'UNTRUSTED_CERTIFICATE',
    kind: 'unreachable',
    transient: false,
    message: expect.stringMatching(/has a certificate that is not trusted: unable to verify/),
  });
  expect(calls).toBe(0);
  expect(await send(connect(uri, { tls: { caFile: fixture('ca.pem') } }), read)).toBe('undefined');
});

test('insecure accepts any certificate', async () => {
  const uri = await listen();
  expect(await send(connect(uri, { tls: { insecure: true } }), read)).toBe('undefined');
});

test('sends the client certificate', async () => {
  const uri = await listen({ requestCert: true, rejectUnauthorized: true, ca: readFileSync(fixture('ca.pem')) });
  const tls: TlsOptions = { caFile: fixture('ca.pem') };
  await expect(send(connect(uri, { tls, retries: 0 }), read)).rejects.toMatchObject({ kind: 'unreachable' });
  expect(await send(connect(uri, { tls: { ...tls, certFile: fixture('client.pem') } }), read)).toBe('client');
  const environment = {
    MLFLOW_TRACKING_URI: uri,
    MLFLOW_TRACKING_SERVER_CERT_PATH: fixture('ca.pem'),
    MLFLOW_TRACKING_CLIENT_CERT_PATH: fixture('client.pem'),
  };
  expect(await send(connectFromEnvironment({}, environment), read)).toBe('client');
});
