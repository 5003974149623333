import { createServer } from 'node:http';
import { answering, type PlainServer } from '../test/plain-server';
import { connect } from './connection';
import { MlflowError } from './error';
import { freePort, getExperiment } from './index';
import { type Call, send, sendForJson } from './send';

let server: PlainServer;
afterEach(() => server?.close());

const read: Call = { method: 'GET', path: '/x' };
const write: Call = { method: 'POST', path: '/x', json: {} };
const thrownBy = (work: Promise<unknown>): Promise<MlflowError> =>
  work.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  );

/** Answers `status` twice, then 200. */
const failingTwice = (status: number, headers: Record<string, string> = {}) => {
  let calls = 0;
  return answering((_, response) => {
    calls++;
    response.writeHead(calls <= 2 ? status : 200, headers).end('{"answer":42}');
  });
};

describe('repetition', () => {
  test.each([408, 429, 500, 502, 503, 504])('a reading call is repeated after %d', async (status) => {
    server = await failingTwice(status);
    expect(await sendForJson(server.connection, read)).toEqual({ answer: 42 });
    expect(server.requests).toHaveLength(3);
  });

  test('a writing call is only repeated if it is repeatable', async () => {
    server = await failingTwice(503);
    await expect(send(server.connection, write)).rejects.toMatchObject({ status: 503, transient: true });
    expect(server.requests).toHaveLength(1);
    await send(server.connection, { ...write, repeatable: true });
    expect(server.requests).toHaveLength(3);
  });

  test('a writing call is repeated after 429, since the server rejected it', async () => {
    server = await failingTwice(429);
    await send(server.connection, write);
    expect(server.requests).toHaveLength(3);
  });

  test('a writing call is repeated if there was no server', async () => {
    const port = await freePort();
    const connection = connect(`http://127.0.0.1:${port}`, { retries: 20, retryDelay: 100, longestDelay: 100 });
    const sent = send(connection, write);
    const late = createServer((_, response) => response.end('ok'));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
    expect(await sent).toBe('ok');
    await new Promise((resolve) => late.close(resolve));
  });

  test('ends after `retries` repetitions with the last error', async () => {
    server = await answering((_, response) => {
      response.writeHead(500).end('{"error_code":"INTERNAL_ERROR","message":"no"}');
    });
    await expect(send({ ...server.connection, retries: 2 }, read)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(server.requests).toHaveLength(3);
  });

  test('waits as long as Retry-After asks, and fails if that is too long', async () => {
    const times: number[] = [];
    server = await answering((_, response) => {
      times.push(performance.now());
      response.writeHead(times.length === 1 ? 503 : 200, { 'retry-after': '1' }).end('{}');
    });
    await send(server.connection, read);
    // The header gives a lower bound only.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
    await server.close();
    server = await failingTwice(503, { 'retry-after': '3600' });
    await expect(send(server.connection, read)).rejects.toMatchObject({ status: 503, retryAfter: 3_600_000 });
    expect(server.requests).toHaveLength(1);
  });

  test('a reading call is repeated after a broken connection, also in the middle of an answer', async () => {
    let calls = 0;
    server = await answering((request, response) => {
      calls++;
      if (calls === 1) request.socket.destroy();
      else if (calls === 2) {
        response.writeHead(200, { 'content-length': '100' }).write('{"a');
        setImmediate(() => request.socket.destroy());
      } else response.end('{"answer":42}');
    });
    expect(await sendForJson(server.connection, read)).toEqual({ answer: 42 });
    calls = 0;
    await expect(send(server.connection, write)).rejects.toMatchObject({ code: 'UNREACHABLE', kind: 'unreachable' });
    expect(calls).toBe(1);
  });
});

describe('errors', () => {
  test('a refusal is not repeated and has the code and message of MLflow and the request', async () => {
    server = await answering((_, response) => {
      response.writeHead(404).end('{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"No Experiment with id=7"}');
    });
    const error = await thrownBy(getExperiment(server.connection, '7'));
    expect(error).toBeInstanceOf(MlflowError);
    expect(error).toMatchObject({
      message: 'No Experiment with id=7',
      code: 'RESOURCE_DOES_NOT_EXIST',
      kind: 'refused',
      status: 404,
      transient: false,
      request: 'GET /api/2.0/mlflow/experiments/get',
    });
    expect(server.requests).toEqual(['GET /api/2.0/mlflow/experiments/get?experiment_id=7']);
  });

  test('an answer of another server is quoted', async () => {
    server = await answering((request, response) => {
      response.writeHead(request.url === '/x' ? 200 : 404).end('<html><title>\n  Log in</title></html>');
    });
    const { uri } = server.connection;
    expect(await thrownBy(sendForJson(server.connection, read))).toMatchObject({
      message: `${uri}/x answered with a page ("Log in"), not with JSON: is this an MLflow server, or does something before it want a login?`,
      kind: 'not-mlflow',
    });
    expect(await thrownBy(send(server.connection, { ...read, path: '/y' }))).toMatchObject({
      message: `${uri}/y answered 404: Log in`,
      kind: 'not-mlflow',
      status: 404,
    });
  });

  test('an address that has moved is named with its new place', async () => {
    server = await answering((_, response) => {
      response.writeHead(301, { location: 'https://mlflow.example/x' }).end();
    });
    await expect(send(server.connection, read)).rejects.toThrow('has moved to https://mlflow.example/x');
  });

  test.each([
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
  ])('%d means other credentials, also in plain words', async (status, code) => {
    server = await answering((_, response) => {
      response.writeHead(status).end('You are not allowed.');
    });
    await expect(send(server.connection, read)).rejects.toMatchObject({ code, kind: 'unauthorised', status });
  });

  test('a late server is a TIMEOUT, a missing one UNREACHABLE', async () => {
    server = await answering(() => undefined, { timeout: 300 });
    const once = { ...server.connection, retries: 0 };
    await expect(send(once, read)).rejects.toMatchObject({
      code: 'TIMEOUT',
      kind: 'timeout',
      message: `${once.uri} did not answer within 0.3 s`,
    });
    await server.close();
    await expect(send(once, read)).rejects.toMatchObject({ code: 'UNREACHABLE', status: 0 });
  });

  test('an answer that never ends is a TIMEOUT too', async () => {
    server = await answering((_, response) => {
      response.write('{');
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });
    await expect(send({ ...server.connection, timeout: 300, retries: 0 }, read)).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
  });
});

describe('an abort', () => {
  test('ends a call under way with its reason', async () => {
    server = await answering(() => undefined);
    const controller = new AbortController();
    const call = send({ ...server.connection, signal: controller.signal }, read);
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await expect(call).rejects.toThrow('enough');
  });

  test('ends the pause before a repetition', async () => {
    server = await failingTwice(503, { 'retry-after': '20' });
    const controller = new AbortController();
    const call = send({ ...server.connection, signal: controller.signal }, read);
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(call).rejects.toThrow('enough');
    expect(server.requests).toHaveLength(1);
  });

  test('before a call sends nothing', async () => {
    server = await answering((_, response) => response.end('{}'));
    const connection = { ...server.connection, signal: AbortSignal.abort(new Error('enough')) };
    await expect(send(connection, read)).rejects.toThrow('enough');
    expect(server.requests).toEqual([]);
  });
});

describe('bodies', () => {
  test('a streamed body is opened again for a repetition', async () => {
    const bodies: string[] = [];
    server = await answering((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        bodies.push(Buffer.concat(chunks).toString());
        response.writeHead(bodies.length === 1 ? 503 : 200).end();
      });
    });
    const progress: number[] = [];
    const open = async function* () {
      yield Buffer.from('ab');
      yield Buffer.from('c');
    };
    const body = { open, bytes: 3, onProgress: (bytes: number) => progress.push(bytes) };
    await send(server.connection, { method: 'PUT', path: '/x', body, repeatable: true });
    expect(bodies).toEqual(['abc', 'abc']);
    expect(progress).toEqual([2, 3, 2, 3]);
  });

  test('an early refusal stops the upload', async () => {
    server = await answering((_, response) => {
      response.writeHead(413).end('{"error_code":"RESOURCE_EXHAUSTED","message":"too large"}');
    });
    let sent = 0;
    const open = async function* () {
      for (; sent < 1000; sent++) yield Buffer.alloc(1_000_000);
    };
    const call: Call = { method: 'PUT', path: '/x', body: { open, bytes: 1e9 }, repeatable: true };
    await expect(send(server.connection, call)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(sent).toBeLessThan(1000);
  });

  test('an error of reading the body is thrown unchanged', async () => {
    server = await answering((request, response) => request.on('end', () => response.end()).resume());
    const open = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('a');
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    };
    const call: Call = { method: 'PUT', path: '/x', body: { open, bytes: 3 }, repeatable: true };
    await expect(send(server.connection, call)).rejects.toThrow('EIO: i/o error, read');
    expect(server.requests.length).toBeLessThanOrEqual(1);
  });
});

test('repeatable calls share connections, others open new ones', async () => {
  const sockets: unknown[] = [];
  server = await answering((request, response) => {
    sockets.push(request.socket);
    response.end('{}');
  });
  await send(server.connection, read);
  await send(server.connection, { ...write, repeatable: true });
  await send(server.connection, write);
  await send(server.connection, write);
  expect(sockets[1]).toBe(sockets[0]);
  expect(new Set(sockets).size).toBe(3);
});
