import { connect, connectFromEnvironment, environmentOptions } from './connection';

test('credentials in the address move to a header', () => {
  const { uri, headers } = connect('https://ann:p%40ss@mlflow.example/base/');
  expect(uri).toBe('https://mlflow.example/base');
  expect(headers.authorization).toBe(`Basic ${Buffer.from('ann:p@ss').toString('base64')}`);
});

test('user name and password in the options override a token, as in MLflow', () => {
  expect(connect('http://h', { token: 't' }).headers.authorization).toBe('Bearer t');
  expect(connect('http://h', { token: 't', username: 'a', password: 'b' }).headers.authorization).toMatch(/^Basic /);
});

test('an invalid address is refused', () => {
  expect(() => connect('databricks')).toThrow('"databricks" is not an http or https address');
});

test('a TLS file that cannot be read is named', () => {
  expect(() => connect('https://h', { tls: { caFile: '/no/such.pem' } })).toThrow(
    'the TLS authorities in /no/such.pem cannot be read: ENOENT',
  );
});

describe("MLflow's environment variables", () => {
  test('set the address and options', () => {
    const { uri, headers, timeout, retries } = connectFromEnvironment(
      { headers: { 'X-Team': 'vision' }, timeout: undefined },
      {
        MLFLOW_TRACKING_URI: 'http://mlflow.example:5000',
        MLFLOW_TRACKING_TOKEN: 'secret',
        MLFLOW_HTTP_REQUEST_TIMEOUT: '7',
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0',
      },
    );
    expect({ uri, headers, timeout, retries }).toEqual({
      uri: 'http://mlflow.example:5000',
      headers: { authorization: 'Bearer secret', 'x-team': 'vision' },
      timeout: 7000,
      retries: 0,
    });
  });

  test('name TLS files', () => {
    expect(
      environmentOptions({
        MLFLOW_TRACKING_INSECURE_TLS: 'True',
        MLFLOW_TRACKING_SERVER_CERT_PATH: 'ca.pem',
        MLFLOW_TRACKING_CLIENT_CERT_PATH: 'client.pem',
      }).tls,
    ).toEqual({ caFile: 'ca.pem', certFile: 'client.pem', insecure: true });
  });

  test('that are invalid are named', () => {
    expect(() => connectFromEnvironment({}, {})).toThrow('MLFLOW_TRACKING_URI is not set');
    expect(() => environmentOptions({ MLFLOW_HTTP_REQUEST_TIMEOUT: 'soon' })).toThrow(
      'MLFLOW_HTTP_REQUEST_TIMEOUT is "soon", not a number',
    );
    expect(() => environmentOptions({ MLFLOW_TRACKING_INSECURE_TLS: 'yes' })).toThrow('not true or false');
  });
});
