/**
 * `nx run tools:serve -- --run=RUN`: serves a run's network by MLflow's own server (`mlflow models serve`), in the
 * workspace's own environment, until Ctrl-C.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { readCommand } from '@headshare/core/experiment/arguments';
import { commandHelp } from '@headshare/core/experiment/command';
import { integer, text } from '@headshare/core/experiment/option';
import { UserError } from '@headshare/core/system/user-error';
import { environmentPython, mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { freePort } from 'mlflow-js-client';
import { command } from '../command';
import { writeServedModel } from './served-model';
import { servingPackages } from './serving-packages';

const definition = {
  summary: "Serve a run's network over HTTP by MLflow's own server, on this machine alone",
  usage: 'tools:serve --run=RUN',
  maxWords: 0,
  options: {
    run: text({ placeholder: 'RUN', valid: "a run's folder, key or MLflow id", help: 'its network is served' }),
    port: integer({ default: 5001, min: 0, max: 65_535, help: 'where it is served; 0: any free one' }),
  },
};

command(async (signal) => {
  const { help, values } = readCommand(process.argv.slice(2), definition.options, definition.maxWords);
  if (help) return console.log(commandHelp(definition));
  const port = await freePort(values.port);
  // Another program at the wanted port would answer in the server's place.
  if (values.port !== 0 && port !== values.port) {
    throw new UserError(
      `--port: port ${values.port} is in use by another program; choose another one, or 0 for any free one`,
      1,
    );
  }
  const packages = await servingPackages(mlflowFolder, signal, console.log);
  const folder = mkdtempSync(join(tmpdir(), 'headshare-served-'));
  try {
    const { title, example } = await writeServedModel(values.run, folder, resolve(__dirname, '../../..'));
    const server = startServer(folder, packages, port);
    try {
      const ended = once(server, 'exit').then(([code]) => code as number | null);
      await untilAnswering(port, ended, signal);
      console.log(
        `${title} is at http://127.0.0.1:${port}/invocations (Ctrl-C ends it). Try it with a training image:`,
      );
      console.log(`curl http://127.0.0.1:${port}/invocations -H 'content-type: application/json' -d @${example}`);
      await Promise.race([ended, signal.aborted || once(signal, 'abort')]);
    } finally {
      stop(server);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function startServer(folder: string, packages: string, port: number): ChildProcess {
  const python = environmentPython(mlflowFolder) as string;
  const words = ['-m', 'mlflow', 'models', 'serve', '-m', folder, '--env-manager', 'local'];
  return spawn(python, [...words, '--host', '127.0.0.1', '--port', String(port)], {
    // A group of its own, which a signal reaches as a whole: MLflow starts its server through a shell.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      PYTHONPATH: [packages, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
      PATH: [dirname(python), process.env.PATH].join(delimiter),
    },
  });
}

function stop(server: ChildProcess): void {
  if (server.exitCode !== null || server.pid === undefined) return;
  try {
    process.kill(-server.pid, 'SIGTERM');
  } catch {
    // It has ended in the meantime.
  }
}

/** @throws UserError if the server ends before it answers */
async function untilAnswering(port: number, ended: Promise<number | null>, signal: AbortSignal): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!signal.aborted) {
    if (isOver) {
      throw new UserError(`MLflow's server ended at once: is port ${port} in use? Choose another one with --port.`, 1);
    }
    const answer = await fetch(`http://127.0.0.1:${port}/ping`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((later) => setTimeout(later, 200));
  }
}
