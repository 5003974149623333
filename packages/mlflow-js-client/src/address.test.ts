import fc from 'fast-check';
import { readAddress } from './address';
import { MlflowError } from './error';
import { hideInAddress, hideSecrets } from './secrets';

const thrownBy = (work: () => unknown): MlflowError => {
  try {
    work();
  } catch (error) {
    return error as MlflowError;
  }
  throw new Error('nothing was thrown');
};

describe('an address that is no tracking server', () => {
  test.each([
    'sqlite:///mlflow.db',
    'postgresql://me:s3cretpw@h/db',
    'postgresql+psycopg2://me:s3cretpw@h:5432/db?sslmode=require',
    'postgres://me:s3cretpw@h/db',
    'mysql+pymysql://me:s3cretpw@h/db',
    'mssql+pyodbc://me:s3cretpw@h/db?driver=x',
    'file:///tmp/mlruns',
    'file:mlruns',
    '/tmp/mlruns',
    './mlruns',
    '~/mlruns',
  ])('%s is a backend store', (uri) => {
    const { message, code } = thrownBy(() => readAddress(uri, 'MLFLOW_TRACKING_URI'));
    expect(code).toBe('INVALID_PARAMETER_VALUE');
    expect(message).toMatch(/^MLFLOW_TRACKING_URI: ".*run `mlflow server --backend-store-uri` with it, .* http:\/\//);
    expect(message).not.toMatch(/s3cretpw|\n/);
  });

  test.each([
    ['mlflow.example:5000', 'write http://mlflow.example:5000'],
    ['localhost:5000', 'write http://localhost:5000'],
    ['mlflow.example/base', 'write http://mlflow.example/base'],
    ['databricks', '"databricks" is not an http or https address'],
    ['ftp://me:s3cretpw@h', '"ftp://***@h" is not an http or https address'],
    ['', '"" is not an http or https address'],
    ['http://me:s3cretpw@h:99999', '"http://***@h:99999" is not'],
    ['http://me:s3cretpw', '"http://me:***" is not'],
    [
      'http://us%ZZer:s3cretpw@h',
      'the user name or password in "http://***@h" has a % that begins no percent-encoding',
    ],
    ['http://user:s3cretpw%@h', 'write % as %25'],
  ])('%s', (uri, part) => {
    const { message } = thrownBy(() => readAddress(uri, 'MLFLOW_TRACKING_URI'));
    expect(message).toContain(part);
    expect(message).not.toContain('s3cretpw');
    expect(message).toMatch(/^MLFLOW_TRACKING_URI: /);
  });
});

describe('secrets are hidden', () => {
  test.each([
    ['http://h:5000/base', 'http://h:5000/base'],
    ['http://[::1]:5000', 'http://[::1]:5000'],
    ['http://me:pw@h:5000/base', 'http://***@h:5000/base'],
    ['http://me:p@w@h', 'http://***@h'],
    ['http://me:p/w@h', 'http://***@h'],
    ['http://me:p?w#@h', 'http://***@h'],
    ['http://token@h', 'http://***@h'],
    ['http://h?token=x#y', 'http://h?***'],
    ['jdbc:sqlserver://h;password=x', 'jdbc:***'],
    ['me:pw@h', '***@h'],
    ['me:pw', 'me:***'],
    ['s3://bucket/x', 's3://bucket/x'],
  ])('in the address %s', (address, shown) => {
    expect(hideInAddress(address)).toBe(shown);
  });

  test('in any address with a password of any characters', () => {
    const text = fc.string({ unit: 'binary', minLength: 6 }).filter((password) => password.trim().length > 5);
    const scheme = fc.constantFrom('http', 'https', 'postgresql', 'mysql+pymysql', 'ftp', 's3');
    fc.assert(
      fc.property(scheme, text, (name, password) => {
        const shown = hideInAddress(`${name}://me:${password}@host/db`);
        expect(shown).toMatch(/^[\w+]+:\/\/\*\*\*@host\/db$/);
        const encoded = hideSecrets(`cannot open ${name}://me:${encodeURIComponent(password)}@host/db: no`);
        expect(encoded).toBe(`cannot open ${name}://***@host/db: no`);
      }),
    );
  });

  test.each([
    ['git@github.com:a/b', 'git@github.com:a/b'],
    ['fatal: https://u:p@h/x and ssh://v:q@i', 'fatal: https://***@h/x and ssh://***@i'],
    ['GET https://h/x?X-Amz-Signature=abc&a=1', 'GET https://h/x?X-Amz-Signature=***&a=1'],
    ['http://h/x?access_token=abc', 'http://h/x?access_token=***'],
    ['write to me@example.org', 'write to me@example.org'],
  ])('in the text %s', (text, shown) => {
    expect(hideSecrets(text)).toBe(shown);
  });

  test("in every message of the client's errors", () => {
    expect(new MlflowError('no http://a:b@c', 'HTTP_ERROR', 500).message).toBe('no http://***@c');
  });
});
