import { dataCommand } from '@headshare/core/data-check/data-command';
import { dataKinds } from './datasets';

dataCommand('imagenet', dataKinds, process.argv.slice(2), console.log).then((exitCode) => {
  process.exitCode = exitCode;
});
