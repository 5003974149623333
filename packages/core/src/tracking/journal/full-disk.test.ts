import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { serverOfTests } from '../../../test/mlflow-server';
import { expectAllOnServer, runInJournal } from '../../../test/recorded-run';
import { destinationOf } from '../sync/destination';
import { journalSync } from '../sync/journal-sync';

const server = serverOfTests();

/** A folder with at most `room` bytes until `makeRoom`. */
interface LimitedFolder {
  readonly folder: string;
  /** The prefix of a command that writes there. */
  readonly command: readonly string[];
  /** @param pid the writing process */
  makeRoom(pid: number): void;
  remove(): void;
}

const room = 8192;

/** Limits the file size of a process; works for every user on Linux with util-linux. */
function limitedProcess(name: string): LimitedFolder {
  const folder = join(server.folder, name);
  mkdirSync(folder);
  return {
    folder,
    command: ['prlimit', `--fsize=${room}:unlimited`],
    makeRoom: (pid) => execFileSync('prlimit', ['--pid', `${pid}`, '--fsize=unlimited']),
    remove: () => undefined,
  };
}

/** Mounts a disk in memory with `room` free bytes; only root can, and not everywhere. */
function smallDisk(name: string): LimitedFolder {
  const folder = join(server.folder, name);
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' });
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(2 ** 20 - room));
  return {
    folder,
    command: [],
    makeRoom: () => rmSync(ballast),
    remove: () => execFileSync('umount', [folder]),
  };
}

const canMount = (() => {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

// The second case fills a disk, which only root can mount.
const limitedFolders: [string, (name: string) => LimitedFolder][] = [
  ['a file that may not grow', limitedProcess],
  ...(canMount ? [['a full disk', smallDisk] as [string, (name: string) => LimitedFolder]] : []),
];

/** Runs the child until its folder is full, makes room, and runs it to its end. Returns its warnings. */
async function logThrough(limited: LimitedFolder, longestQueue: number, makesRoom = true) {
  const journal = join(limited.folder, 'journal.jsonl');
  const child = [
    join(__dirname, '../../../test/full-disk-child.ts'),
    journal,
    limited.folder,
    `${longestQueue}`,
    '300',
    '50',
  ];
  const [command = '', ...args] = [
    ...limited.command,
    process.execPath,
    '-r',
    join(__dirname, '../../../register.cjs'),
    ...child,
  ];
  const writer = spawn(command, args, { cwd: join(__dirname, '../../..'), stdio: ['pipe', 'pipe', 'inherit'] });
  const warnings: string[] = [];
  for await (const line of createInterface(writer.stdout)) {
    if (line !== 'full') {
      warnings.push(line);
      continue;
    }
    expect(statSync(journal).size).toBeLessThanOrEqual(room);
    if (makesRoom) limited.makeRoom(writer.pid ?? 0);
    writer.stdin.write('continue\n');
  }
  return { journal, warnings };
}

const send = async (journal: string) => {
  const sync = journalSync(journal, destinationOf(server.uri));
  await sync.send(AbortSignal.timeout(20_000));
  return sync.state();
};

describe.each(limitedFolders)('%s', (_, makeLimited) => {
  const named = (name: string) => `${makeLimited.name} ${name}`;

  test('the run continues, warns once, and writes the queue when there is room again', async () => {
    const limited = makeLimited(named('waits'));
    try {
      const { journal, warnings } = await logThrough(limited, 1_000_000);
      expect(warnings).toEqual([
        expect.stringMatching(/^The journal .* cannot be written: E(FBIG|NOSPC): .*\. Its events wait in memory\.$/),
        `The journal ${journal} can be written again; nothing is missing.`,
      ]);
      const { metrics, status } = await runInJournal(journal);
      expect(metrics.loss?.map(([step]) => step)).toEqual(Array.from({ length: 350 }, (_, step) => step));
      expect(status).toBe('FINISHED');
    } finally {
      limited.remove();
    }
  });

  test('counts events that did not fit into memory, and the journal can be sent', async () => {
    const limited = makeLimited(named('drops'));
    try {
      const { journal, warnings } = await logThrough(limited, 2000);
      const { metrics, status } = await runInJournal(journal);
      const missing = 350 - (metrics.loss?.length ?? 0);
      expect(missing).toBeGreaterThan(100);
      expect(status).toBe('FINISHED');
      expect(warnings[1]).toBe(`The journal ${journal} can be written again; ${missing} events are missing.`);
      expect(warnings).toHaveLength(2);
      expect((await send(journal))?.refused).toEqual([]);
      await expectAllOnServer(server.uri, journal);
    } finally {
      limited.remove();
    }
  });

  test('reports at the end how many events were lost to a full disk', async () => {
    const limited = makeLimited(named('stays'));
    try {
      const { journal, warnings } = await logThrough(limited, 2000, false);
      const { metrics } = await runInJournal(journal);
      // Includes the finish event.
      const missing = 351 - (metrics.loss?.length ?? 0);
      expect(warnings[1]).toBe(
        `The journal ${journal} could not be written to its end; ${missing} events are missing.`,
      );
      expect(warnings).toHaveLength(2);
    } finally {
      limited.remove();
    }
  });
});
