/** A launcher of fake workers: `cluster-launcher.ts FOLDER '{"workers":2,...}' '{"steps":50}'`. */
import { join } from 'node:path';
import { placeOf } from '../src/cluster/environment';
import { launch } from '../src/cluster/launch';
import { interruption } from '../src/experiment/interruption';

async function main(): Promise<number> {
  const [, , outputFolder = '', options = '{}', settings = '{}'] = process.argv;
  const { workers = 2, minWorkers = 1, patience = 10, join: coordinator, listen, isFinished } = JSON.parse(options);
  const log = (line: string): void => console.log(line);
  const { signal, code } = interruption(log);
  try {
    return await launch(
      {
        command: process.execPath,
        args: ['-r', join(__dirname, '../register.cjs'), join(__dirname, 'cluster-worker.ts'), settings],
      },
      {
        workers,
        minWorkers,
        patience,
        place: placeOf({ join: coordinator, listen }, process.env),
        outputFolder,
        isFinished: async () => isFinished === true,
        log,
        signal,
        code,
      },
    );
  } catch (error) {
    const { message, exitCode = 99 } = error as { message: string; exitCode?: number };
    console.log(message);
    return exitCode;
  }
}

if (require.main === module) main().then((code) => process.exit(code));
