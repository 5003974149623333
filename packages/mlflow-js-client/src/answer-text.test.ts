import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answering, type PlainServer } from '../test/plain-server';
import { shownAnswer } from './answer-text';
import { artifactsAt, getVersion, searchLoggedModels } from './index';
import { send, sendForJson } from './send';

let server: PlainServer;
afterEach(() => server?.close());

const flask =
  '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not found on the server.</p>\n';
const nginx =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body></html>';
const login =
  '\uFEFF \n<!-- x --><HTML><head><TITLE class="a">\n Sign in &ndash; O&#x27;Neil &amp; Co</TITLE></head></HTML>';
const s3 =
  '<?xml version="1.0"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.</Message><AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>';

test.each([
  [flask, 404, 'Not Found'],
  [nginx, 502, 'Bad Gateway'],
  [login, 200, "Sign in &ndash; O'Neil & Co"],
  [s3, 403, 'SignatureDoesNotMatch: The signature does not match.'],
  ['<html><body>no title</body></html>', 500, ''],
  ['error: <p>bad</p>', 500, ''],
  ['You are not authenticated.\nPlease', 401, 'You are not authenticated. Please'],
  ['a < b', 500, 'a < b'],
  ['', 500, ''],
])('%j is shown as its title or code', (text, status, shown) => {
  expect(shownAnswer(text, status)).toBe(shown);
});

const folder = (uri: string) => ({ artifact_uri: `${uri}/api/2.0/mlflow-artifacts/artifacts/1` });

test.each([404, 500, 502, 401, 403, 301])('no message holds a page (%d)', async (status) => {
  server = await answering(
    (_, response) => response.writeHead(status, { location: '/x' }).end(status === 502 ? nginx : flask),
    {
      retries: 0,
    },
  );
  const { connection } = server;
  for (const call of [
    send(connection, { method: 'GET', path: '/x' }),
    searchLoggedModels(connection, { experimentIds: ['1'] }),
    artifactsAt(connection, folder(connection.uri)).list(),
    getVersion(connection),
  ]) {
    await expect(call).rejects.toMatchObject({
      status,
      message: expect.not.stringMatching(/[<>]|doctype|requested URL/i),
    });
  }
});

test('a page with status 200 is no success, for a file neither', async () => {
  server = await answering((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/html' }).end(login);
  });
  const { connection } = server;
  const file = join(__dirname, 'index.ts');
  const body = { file, bytes: readFileSync(file).length, open: () => [readFileSync(file)] as never };
  for (const call of [
    sendForJson(connection, { method: 'GET', path: '/x' }),
    artifactsAt(connection, folder(connection.uri)).write('a', body),
    artifactsAt(connection, folder(connection.uri)).remove('a'),
  ]) {
    await expect(call).rejects.toMatchObject({
      message: expect.stringContaining('answered with a page ("Sign in &ndash; O\'Neil & Co"), not with JSON'),
      kind: 'not-mlflow',
    });
  }
  await expect(getVersion(connection)).rejects.toMatchObject({ kind: 'not-mlflow' });
});

test("MLflow's own message is kept, a page in it is not", async () => {
  let message = 'No run <7>';
  server = await answering((_, response) =>
    response.writeHead(400).end(JSON.stringify({ error_code: 'BAD_REQUEST', message })),
  );
  const call = () => send(server.connection, { method: 'GET', path: '/x' });
  await expect(call()).rejects.toMatchObject({ message: 'No run <7>' });
  message = `API request failed: ${nginx}`;
  await expect(call()).rejects.toMatchObject({ message: '502 Bad Gateway' });
});
