/**
 * `nx run tools:tensorflow`: sets TensorFlow up for tfjs-node. Reads TF_DEVICE (cpu, the default, or gpu), CXX and
 * PYTHON from the environment.
 */
import { join } from 'node:path';
import { requestedDevice } from '@headshare/core/runtime/device';
import { UserError } from '@headshare/core/system/user-error';
import { provision } from './provision';

const interruption = new AbortController();
let exitCode = 1;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    exitCode = code;
    interruption.abort();
  });
}

async function main(): Promise<void> {
  const [unknown] = process.argv.slice(2);
  if (unknown !== undefined) throw new UserError(`Unknown option ${unknown}: the device is chosen by TF_DEVICE.`);
  await provision(join(__dirname, '..', '..', '..'), requestedDevice(), interruption.signal);
}

// Until it has succeeded, it has failed: also when the event loop runs empty before `main` has ended.
process.exitCode = 1;
main().then(
  () => {
    process.exitCode = 0;
  },
  (error: unknown) => {
    if (interruption.signal.aborted) {
      console.error('Interrupted: what was unfinished has been removed.');
      process.exitCode = exitCode;
    } else if (error instanceof UserError) {
      console.error(error.message);
      process.exitCode = error.exitCode;
    } else {
      console.error(error);
    }
  },
);
