/**
 * `nx run tools:tensorflow`: sets TensorFlow up for tfjs-node. Reads TF_DEVICE (cpu, the default, or gpu), CXX and
 * PYTHON from the environment.
 */
import { join } from 'node:path';
import { requestedDevice } from '@headshare/core/runtime/device';
import { UserError } from '@headshare/core/system/user-error';
import { command } from '../command';
import { provision } from './provision';

command(async (signal) => {
  const [unknown] = process.argv.slice(2);
  if (unknown !== undefined) throw new UserError(`Unknown option ${unknown}: TF_DEVICE chooses the device.`);
  await provision(join(__dirname, '..', '..', '..'), requestedDevice(), signal);
}, 'Interrupted: unfinished files have been removed.');
