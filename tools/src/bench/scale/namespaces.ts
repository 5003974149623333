/** Network namespaces of Linux: two machines of their own, as far as the network goes, joined by a line of a given rate. */
import { execFileSync } from 'node:child_process';
import type { Command } from './processes';

export interface Line {
  /** The machines' addresses. */
  readonly addresses: readonly string[];
  /** The same command, in one of the machines. */
  inMachine(index: number, command: Command): Command;
  remove(): void;
}

const ip = (...args: readonly string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Why this machine can make no namespaces; undefined: it can. */
export function noNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = namesOf(process.pid)[0] as string;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    execFileSync('tc', ['-V'], { stdio: 'ignore' });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    return `'ip netns' or 'tc' does not work here (${String(stderr ?? '').trim() || message})`;
  }
  return undefined;
}

/** Two machines and the line between them, `remove` ends them. @param gigabits a second, each way */
export function makeLine(gigabits: number): Line {
  const names = namesOf(process.pid);
  const remove = (): void => {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    for (const name of names) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was never made.
      }
    }
  };
  const interrupt = (signal: NodeJS.Signals): void => {
    remove();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const addresses = ['10.99.0.1', '10.99.0.2'];
  const ends = names.map((name) => `${name}v`);
  try {
    for (const name of names) ip('netns', 'add', name);
    ip('link', 'add', ends[0] as string, 'type', 'veth', 'peer', 'name', ends[1] as string);
    for (const [i, name] of names.entries()) {
      const end = ends[i] as string;
      ip('link', 'set', end, 'netns', name);
      ip('-n', name, 'addr', 'add', `${addresses[i]}/24`, 'dev', end);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', name, 'link', 'set', end, 'up');
      const shape = ['root', 'tbf', 'rate', `${Math.round(gigabits * 1000)}mbit`, 'burst', '256kb', 'latency', '50ms'];
      ip('netns', 'exec', name, 'tc', 'qdisc', 'add', 'dev', end, ...shape);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    addresses,
    inMachine: (index, { command, args, environment }) => ({
      command: 'ip',
      args: ['netns', 'exec', names[index] as string, command, ...args],
      ...(environment && { environment }),
    }),
    remove,
  };
}

/** An interface's name has at most 15 characters. */
const namesOf = (id: number): readonly string[] => ['a', 'b'].map((end) => `hs${id}${end}`);
