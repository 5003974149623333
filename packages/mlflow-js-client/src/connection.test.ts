import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Connection, connect, send, sendForJson } from './connection';
import { MlflowError } from './error';

/** Answers that a healthy MLflow never gives are given by a plain HTTP server. */
let server: Server;
const answering = (listener: RequestListener): Promise<Connection> =>
  new Promise((resolve) => {
    server = createServer(listener).listen(0, '127.0.0.1', () =>
      resolve(connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeout: 200 })),
    );
  });

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const failingTwice = () => {
  let calls = 0;
  const listener: RequestListener = (_, response) => {
    calls++;
    response.writeHead(calls <= 2 ? 503 : 200).end('{"answer":42}');
  };
  return { listener, calls: () => calls };
};

test('a reading call is repeated until an overloaded server answers', async () => {
  const { listener, calls } = failingTwice();
  expect(await sendForJson(await answering(listener), { method: 'GET', path: '/x' })).toEqual({ answer: 42 });
  expect(calls()).toBe(3);
});

test('a writing call is not repeated unless it says that it may be', async () => {
  const once = failingTwice();
  const call = { method: 'POST', path: '/x', json: {} } as const;
  await expect(send(await answering(once.listener), call)).rejects.toMatchObject({ status: 503, transient: true });
  expect(once.calls()).toBe(1);
  server.close();
  const often = failingTwice();
  await send(await answering(often.listener), { ...call, repeatable: true });
  expect(often.calls()).toBe(3);
});

test('a refusal is never repeated, and carries the code and message of MLflow', async () => {
  let calls = 0;
  const connection = await answering((_, response) => {
    calls++;
    response.writeHead(404).end('{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"Run with id=x not found"}');
  });
  const error = await send(connection, { method: 'GET', path: '/x' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MlflowError);
  expect(error).toMatchObject({
    message: 'Run with id=x not found',
    code: 'RESOURCE_DOES_NOT_EXIST',
    status: 404,
    transient: false,
  });
  expect(calls).toBe(1);
});

test('a server that is not MLflow is named with what it answered', async () => {
  const connection = await answering((_, response) => {
    response.end('<html>Log in</html>');
  });
  await expect(sendForJson(connection, { method: 'GET', path: '/x' })).rejects.toThrow(
    `${connection.uri}/x answered "<html>Log in</html>", which is not JSON: is this an MLflow server?`,
  );
});

test('a server that does not answer in time is a TIMEOUT, one that is not there UNREACHABLE', async () => {
  const silent = await answering(() => undefined);
  await expect(send({ ...silent, retries: 0 }, { method: 'GET', path: '/x' })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: `${silent.uri} did not answer within 0.2 s`,
  });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(send({ ...silent, retries: 0 }, { method: 'GET', path: '/x' })).rejects.toMatchObject({
    code: 'UNREACHABLE',
    status: 0,
  });
});

test('credentials in the address become a header, and leave the address', () => {
  const { uri, headers } = connect('https://ann:p%40ss@mlflow.example/base/');
  expect(uri).toBe('https://mlflow.example/base');
  expect(headers.authorization).toBe(`Basic ${Buffer.from('ann:p@ss').toString('base64')}`);
  expect(connect('http://h', { token: 't' }).headers.authorization).toBe('Bearer t');
});

test('an address that is none is refused', () => {
  expect(() => connect('databricks')).toThrow('"databricks" is not an http or https address');
});
