import { UserError } from '../system/user-error';

export type Device = 'cpu' | 'gpu';

/** The device that TF_DEVICE names; default: the CPU. @throws UserError when it is neither cpu nor gpu */
export function requestedDevice(environment: NodeJS.ProcessEnv = process.env): Device {
  const device = environment.TF_DEVICE || 'cpu';
  if (device !== 'cpu' && device !== 'gpu') throw new UserError(`TF_DEVICE must be cpu or gpu, got '${device}'.`);
  return device;
}
