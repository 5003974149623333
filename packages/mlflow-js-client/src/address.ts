import { invalid } from './error';
import { hideInAddress } from './secrets';

/** The schemes of SQLAlchemy and of MLflow's file store. */
const backendStore = /^(sqlite|postgres(ql)?|mysql|mariadb|mssql|oracle|cockroachdb|file)(\+\w+)?:|^[./~\\]|^[a-z]:\\/i;

/**
 * Reads a tracking server's address.
 * @param name the variable that holds it, for errors
 * @throws MlflowError INVALID_PARAMETER_VALUE, which shows the address without its password
 */
export function readAddress(uri: string, name?: string): { url: URL; username: string; password: string } {
  const fail = (problem: string) => invalid(name === undefined ? problem : `${name}: ${problem}`);
  const shown = `"${hideInAddress(uri)}"`;
  if (backendStore.test(uri.trim())) {
    throw fail(
      `${shown} is the place where a server keeps its data: run \`mlflow server --backend-store-uri\` with it, ` +
        "and give the server's address, such as http://127.0.0.1:5000",
    );
  }
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    const isHost = /^(localhost|[\w-]+(\.[\w-]+)+|\[[\da-f:]+\])(:\d+)?(\/|$)|^[\w-]+:\d+(\/|$)/i.test(uri);
    throw fail(`${shown} is not an http or https address${isHost ? `: write http://${hideInAddress(uri)}` : ''}`);
  }
  try {
    return { url, username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    throw fail(`the user name or password in ${shown} has a % that begins no percent-encoding: write % as %25`);
  }
}
