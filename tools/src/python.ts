/** Python and pip, which install MLflow and download TensorFlow, and the reasons why they fail. */
import { UserError } from '@headshare/core/system/user-error';
import { hideSecrets } from 'mlflow-js-client';

/** The interpreter: PYTHON if set, else python3. */
export const pythonCommand = (environment: NodeJS.ProcessEnv = process.env): string => environment.PYTHON || 'python3';

/** pip's options and variables for a run without questions, progress bars and notes about itself. */
export const quietly = ['--no-input', '--progress-bar', 'off'];
export const quietEnvironment = { PIP_REQUIRE_VIRTUALENV: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' };

const printedBy = {
  'disk full': /No space left on device|Errno 28|Disk quota exceeded/,
  'not writable': /Read-only file system|Errno 30|Errno 13|Permission denied/,
  'no network': /Retrying \(|Max retries exceeded|NewConnectionError|ReadTimeout|ConnectTimeout|ProxyError/,
} as const;

/** The known reason for a failure that Python or pip printed; the first that matches. */
export const causeOf = (printed: string): keyof typeof printedBy | undefined =>
  (Object.keys(printedBy) as (keyof typeof printedBy)[]).find((cause) => printedBy[cause].test(printed));

/** The error for an index that pip cannot reach. @param purpose 'install MLflow' */
export const noNetwork = (purpose: string): UserError =>
  new UserError(
    `pip could not reach its package index to ${purpose}: check the network, the proxy and \`pip config list\`.`,
    1,
  );

/** The last line of what a program printed, without passwords, for example of a package index. */
export const lastLine = (printed: string): string | undefined => {
  const line = printed.split('\n').findLast((one) => one.trim() !== '');
  return line && hideSecrets(line);
};
