import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestProxy, testProxy } from '../test/http-proxy';
import { answering, type PlainServer } from '../test/plain-server';
import { type ConnectOptions, connect, connectFromEnvironment, disconnect, withoutCredentials } from './connection';
import { proxyFor } from './proxy';
import { send } from './send';

describe('the proxy for an address', () => {
  const chosen = (address: string, variables: Record<string, string>): string | undefined => {
    const proxy = proxyFor(new URL(address), variables);
    return proxy && `${proxy.variable} ${proxy.url.origin}${proxy.authorization ? ' with credentials' : ''}`;
  };
  const [http, https] = ['http://mlflow.example:5000/x', 'https://mlflow.example/x'];

  test.each([
    [http, { HTTP_PROXY: 'http://p:1' }, 'HTTP_PROXY http://p:1'],
    [http, { http_proxy: 'http://q:1', HTTP_PROXY: 'http://p:1' }, 'http_proxy http://q:1'],
    [http, { http_proxy: '', HTTP_PROXY: 'http://p:1' }, undefined],
    [http, { HTTPS_PROXY: 'http://p:1' }, undefined],
    [http, { ALL_PROXY: 'http://p:1' }, 'ALL_PROXY http://p:1'],
    [http, { HTTP_PROXY: 'http://p:1', ALL_PROXY: 'http://q:1' }, 'HTTP_PROXY http://p:1'],
    [http, { HTTP_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' }, undefined],
    [http, { http_proxy: 'http://p:1', REQUEST_METHOD: 'GET' }, 'http_proxy http://p:1'],
    [http, { HTTP_PROXY: 'p:1' }, 'HTTP_PROXY http://p:1'],
    [http, { HTTP_PROXY: ' https://p ' }, 'HTTP_PROXY https://p'],
    [https, { HTTPS_PROXY: 'http://ann:pw@p:1' }, 'HTTPS_PROXY http://p:1 with credentials'],
    [https, { HTTP_PROXY: 'http://p:1' }, undefined],
    [https, { all_proxy: 'p' }, 'all_proxy http://p'],
    ['http://localhost:5000', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://127.0.0.1:5000', { ALL_PROXY: 'socks5://p:1' }, undefined],
    ['http://[::1]:5000', { HTTP_PROXY: 'http://p:1' }, undefined],
    [http, {}, undefined],
  ])('%s with %j is %s', (address, variables, expected) => {
    expect(chosen(address, variables as unknown as Record<string, string>)).toBe(expected);
  });

  test.each([
    ['mlflow.example', true],
    ['.example', true],
    ['example', true],
    ['*.example', true],
    ['MLflow.Example.', true],
    ['low.example', false],
    ['other,mlflow.example', true],
    ['other mlflow.example', true],
    ['mlflow.example:5000', true],
    ['mlflow.example:5001', false],
    ['*', true],
    ['a, *', true],
    ['', false],
    [',', false],
    ['10.0.0.0/8', false],
  ])('NO_PROXY=%s covers mlflow.example:5000: %s', (list, isDirect) => {
    expect(chosen(http, { HTTP_PROXY: 'p', NO_PROXY: list }) === undefined).toBe(isDirect);
  });

  test.each([
    ['http://10.1.2.3:5000', '10.0.0.0/8', true],
    ['http://11.1.2.3:5000', '10.0.0.0/8', false],
    ['http://10.1.2.3:5000', '10.1.2.3', true],
    ['http://10.1.2.3:5000', '10.1.2.3:5000', true],
    ['http://10.1.2.3:5000', '10.1.2.3:80', false],
    ['http://10.1.2.3', '10.1.2.3:80', true],
    ['http://10.1.2.3', '10.1.2.3/33', false],
    ['http://10.1.2.3', '10.1.2.3/x', false],
    ['http://110.1.2.3', '10.1.2.3', false],
    ['http://[fd00::1]:5000', 'fd00::/8', true],
    ['http://[fd00::1]:5000', 'fd00:0::1', true],
    ['http://[fd00::1]:5000', '[fd00::1]:5000', true],
    ['http://[fe80::1]:5000', 'fd00::/8', false],
  ])('%s with NO_PROXY=%s is direct: %s', (address, list, isDirect) => {
    expect(chosen(address, { HTTP_PROXY: 'p', no_proxy: list }) === undefined).toBe(isDirect);
  });

  test.each([
    ['socks5://me:pw@p:1', '"socks5://***@p:1" is a SOCKS proxy, which is not supported'],
    ['socks5h://p', 'SOCKS proxy'],
    ['ftp://me:pw@p', '"ftp://***@p" is not the address of an HTTP proxy'],
    ['http://me:pw@p:x', '"http://***@p:x" is not the address of an HTTP proxy'],
    ['http://us%ZZer:pw@p', 'the user name or password in "http://***@p" has a %'],
  ])('%s is refused with the name of its variable, without its password', (proxy, message) => {
    const refused = (): unknown => proxyFor(new URL(http), { ALL_PROXY: proxy });
    expect(refused).toThrow(message);
    expect(refused).toThrow(/^ALL_PROXY: /);
    expect(refused).not.toThrow(/pw/);
  });
});

describe('calls through a proxy', () => {
  let server: PlainServer | undefined;
  let secure: Server | undefined;
  let proxy: TestProxy;
  afterEach(async () => {
    await proxy.close();
    await server?.close();
    secure?.close();
    secure?.closeAllConnections();
    server = secure = undefined;
  });

  const read = { method: 'GET', path: '/x?a=1' } as const;
  const once: ConnectOptions = { retries: 0, timeout: 20_000 };
  const portOf = (uri: string): string => new URL(uri).port;

  /** A server of https. @returns its port */
  const listen = async (): Promise<number> => {
    const pem = readFileSync(join(__dirname, '../fixtures/server.pem'));
    secure = createServer({ cert: pem, key: pem }, async (request, response) => {
      let bytes = 0;
      for await (const chunk of request) bytes += chunk.length;
      response.end(`${request.method} ${request.url} ${request.headers.host} ${bytes}`);
    });
    await new Promise<void>((resolve) => secure?.listen(0, '127.0.0.1', resolve));
    return (secure.address() as AddressInfo).port;
  };

  test('http: the proxy gets whole addresses and its own credentials, the server neither', async () => {
    proxy = await testProxy();
    const seen: unknown[] = [];
    server = await answering((request, response) => {
      seen.push([request.url, request.headers.host, request.headers['proxy-authorization']]);
      response.end('42');
    });
    const host = `mlflow.invalid:${portOf(server.connection.uri)}`;
    const environment = { MLFLOW_TRACKING_URI: `http://${host}`, HTTP_PROXY: proxy.uri.replace('//', '//ann:p%40@') };
    const connection = connectFromEnvironment(once, environment);
    expect(await send(connection, read)).toBe('42');
    expect(await send(connection, { ...read, method: 'POST', json: {} })).toBe('42');
    const credentials = `Basic ${Buffer.from('ann:p@').toString('base64')}`;
    expect(proxy.requests).toEqual([
      `GET http://${host}/x?a=1 ${credentials}`,
      `POST http://${host}/x?a=1 ${credentials}`,
    ]);
    expect(seen).toEqual([
      ['/x?a=1', host, undefined],
      ['/x?a=1', host, undefined],
    ]);
  });

  test('https: a tunnel, kept open between calls; a file goes through it', async () => {
    proxy = await testProxy();
    const host = `mlflow.invalid:${await listen()}`;
    const connection = connect(`https://${host}`, {
      ...once,
      tls: { insecure: true },
      proxies: { HTTPS_PROXY: proxy.uri.replace('//', '//ann:pw@') },
    });
    expect(await send(connection, read)).toBe(`GET /x?a=1 ${host} 0`);
    expect(await send(connection, read)).toBe(`GET /x?a=1 ${host} 0`);
    const bytes = readFileSync(__filename).length;
    const body = { bytes, open: () => createReadStream(__filename) };
    expect(await send(connection, { method: 'PUT', path: '/f', body })).toBe(`PUT /f ${host} ${bytes}`);
    const tunnel = `CONNECT ${host} Basic ${Buffer.from('ann:pw').toString('base64')}`;
    expect(proxy.requests).toEqual([tunnel, tunnel]);
    disconnect(connection);
  });

  test("https: the server's certificate is checked for its own name", async () => {
    proxy = await testProxy();
    const tls = { caFile: join(__dirname, '../fixtures/ca.pem') };
    const uri = `https://mlflow.invalid:${await listen()}`;
    await expect(send(connect(uri, { ...once, tls, proxies: { https_proxy: proxy.uri } }), read)).rejects.toMatchObject(
      {
        code: 'UNTRUSTED_CERTIFICATE',
        message: expect.stringContaining('mlflow.invalid'),
      },
    );
  });

  test('other hosts, such as a cloud store, choose by the same variables', async () => {
    proxy = await testProxy();
    server = await answering((_, response) => response.end('42'));
    const port = portOf(server.connection.uri);
    const direct = connect(server.connection.uri, { ...once, proxies: { HTTP_PROXY: proxy.uri } });
    expect(await send(direct, read)).toBe('42');
    expect(proxy.requests).toEqual([]);
    expect(await send(withoutCredentials(direct, `http://bucket.invalid:${port}`), read)).toBe('42');
    expect(proxy.requests).toEqual([`GET http://bucket.invalid:${port}/x?a=1`]);
  });

  test('without variables, none is used', async () => {
    proxy = await testProxy();
    const before = { ...process.env };
    process.env.HTTP_PROXY = proxy.uri;
    try {
      await expect(send(connect('http://mlflow.invalid', once), read)).rejects.toMatchObject({ kind: 'unreachable' });
    } finally {
      process.env = before;
    }
    expect(proxy.requests).toEqual([]);
  });

  test.each(['http', 'https'])("a proxy's refusals are its own (%s)", async (scheme) => {
    let status = 407;
    proxy = await testProxy(() => status);
    const proxies = { ALL_PROXY: proxy.uri };
    const call = (): Promise<unknown> => send(connect(`${scheme}://mlflow.invalid`, { ...once, proxies }), read);
    await expect(call()).rejects.toMatchObject({
      message: `the proxy ${proxy.uri} asks for a user name and password: write them before the host in ALL_PROXY`,
      kind: 'not-mlflow',
      transient: false,
    });
    status = 503;
    await expect(call()).rejects.toMatchObject({ message: expect.not.stringMatching(/<|&amp;/), transient: true });
    await expect(call()).rejects.toThrow(/(answered 503: Squid & Co|opened no connection to .*: it answered 503 No)$/);
  });

  test('a proxy that is not there is named, without its password', async () => {
    proxy = await testProxy();
    await proxy.close();
    for (const scheme of ['http', 'https']) {
      const proxies = { ALL_PROXY: proxy.uri.replace('//', '//ann:pw@') };
      const call = send(connect(`${scheme}://mlflow.invalid`, { ...once, proxies }), read);
      await expect(call).rejects.toMatchObject({
        message: expect.stringContaining(`cannot be reached through the proxy ${proxy.uri} (ALL_PROXY): connect ECONN`),
        kind: 'unreachable',
      });
      await expect(call).rejects.not.toThrow(/pw/);
    }
    proxy = await testProxy();
  });
});
