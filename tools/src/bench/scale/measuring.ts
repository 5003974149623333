/** Groups of processes that measure ways. */
import { join } from 'node:path';
import { freePort } from '@headshare/core/cluster/addresses';
import { serverProtection } from '@headshare/core/runtime/native-addon';
import type { Line } from './namespaces';
import { type Command, nodeCommand, type Processes, startProcesses } from './processes';
import type { Answer, ChildTask, Question, Way } from './ways';

export interface Measuring {
  /** What each process measured. @param way its place in the list */
  measure(way: number, times: number): Promise<readonly Answer[]>;
  end(): Promise<void>;
}

export interface Place {
  readonly processes: number;
  /** Of each process. */
  readonly threads: number;
  /** Absent: all run on this machine. */
  readonly line?: Line;
}

/** Processes of headshare; one alone needs no network. */
export async function headshareProcesses(ways: readonly Way[], place: Place): Promise<Measuring> {
  // As trainings protect their servers.
  const environment = { HEADSHARE_THREADS: `${place.threads}`, ...serverProtection() };
  const command = (task: ChildTask) => nodeCommand(join(__dirname, 'child.ts'), task, environment);
  return measuring(ways, place, command);
}

/** Processes of PyTorch's DistributedDataParallel. */
export async function torchProcesses(python: string, ways: readonly Way[], place: Place): Promise<Measuring> {
  const environment = { OMP_NUM_THREADS: `${place.threads}` };
  const script = join(__dirname, 'torch_ddp.py');
  return measuring(ways, place, (task) => ({ command: python, args: [script, JSON.stringify(task)], environment }));
}

async function measuring(
  ways: readonly Way[],
  { processes: count, line }: Place,
  command: (task: ChildTask) => Command,
): Promise<Measuring> {
  const hosts = line?.addresses ?? Array.from({ length: count }, () => '127.0.0.1');
  const addresses =
    count === 1 ? [] : await Promise.all(hosts.map(async (host) => `${host}:${await freePort('0.0.0.0')}`));
  const commands = Array.from({ length: count }, (_, index) => {
    const own = command({ index, addresses, ways });
    return line ? line.inMachine(index, own) : own;
  });
  const processes: Processes = await startProcesses(commands);
  return {
    measure: (way, times) => processes.ask<Answer>({ way, times } satisfies Question),
    end: processes.end,
  };
}
