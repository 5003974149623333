import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { decodeEvent, encodeEvent, type JournalEvent } from './event';

/** An append-only journal, open for writing. No method waits for the disk or throws. */
export interface Journal {
  /**
   * Queues an event. Within half a second, metrics are with the operating system and all other events synced to disk.
   * While writes fail, events wait in memory; once the queue is full, metrics are dropped and counted.
   */
  append(event: JournalEvent): void;
  /** Resolves once the operating system has, or has refused, everything appended so far. */
  flush(): Promise<void>;
  /** Flushes and syncs to disk: the journal then survives a power cut. */
  sync(): Promise<void>;
  /** Syncs and closes; events appended later are ignored. */
  close(): Promise<void>;
}

/** Milliseconds for which lines are collected before they are written. */
const flushInterval = 500;

/**
 * Opens a journal for appending; cuts off a line that a crash left incomplete.
 * @param warn takes a sentence when writes begin to fail, when they succeed again, and on closing if they still fail;
 * every flush tries again
 * @param longestQueue characters that may wait in memory before metrics are dropped
 * @throws the file system's error if the file cannot be opened
 */
export function openJournal(
  file: string,
  warn: (sentence: string) => void,
  { longestQueue = 8_000_000 }: { longestQueue?: number } = {},
): Journal {
  const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o666);
  let position = cutTornLine(descriptor);
  let isNew = position === 0;
  let queue = '';
  let current: Buffer = Buffer.alloc(0);
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let failing = false;
  let dropped = 0;
  let mustSync = false;
  let closed: Promise<void> | undefined;

  const writeAll = async (): Promise<void> => {
    while (current.length > 0 || queue.length > 0) {
      if (current.length === 0) {
        current = Buffer.from(queue);
        queue = '';
      }
      const { bytesWritten } = await promisify(write)(descriptor, current, 0, current.length, position);
      position += bytesWritten;
      current = current.subarray(bytesWritten);
    }
    if (failing) warn(`The journal ${file} can be written again; ${missing(dropped)}.`);
    else if (dropped > 0) warn(`The journal ${file} was not written fast enough; ${missing(dropped)}.`);
    failing = false;
    dropped = 0;
    if (!mustSync) return;
    mustSync = false;
    // Some file systems do not support fdatasync.
    await promisify(fdatasync)(descriptor).catch(() => undefined);
    // A power cut may lose the name of a new file unless its folder is synced.
    if (isNew) await syncedLength(dirname(file)).catch(() => undefined);
    isNew = false;
  };
  const writeQueue = (): Promise<void> => {
    writing = writing.then(writeAll).catch((error: Error) => {
      if (!failing) warn(`The journal ${file} cannot be written: ${error.message}. Its events wait in memory.`);
      failing = true;
    });
    return writing;
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    // After closing, the descriptor's number may belong to another file.
    return closed ?? writeQueue();
  };
  const end = async (): Promise<void> => {
    await writeQueue();
    process.off('exit', writeRest);
    const unwritten = `${current}${queue}`.split('\n').length - 1;
    if (unwritten > 0) warn(`The journal ${file} could not be written to its end; ${missing(unwritten + dropped)}.`);
    await promisify(close)(descriptor).catch(() => closeSync(descriptor));
  };
  // Only SIGKILL loses events. The explicit position makes this write repeat, not duplicate, a write still under way.
  const writeRest = (): void => {
    try {
      writeSync(descriptor, Buffer.concat([current, Buffer.from(queue)]), 0, undefined, position);
    } catch {
      // The process is exiting: there is nobody to report it to.
    }
  };
  process.once('exit', writeRest);

  return {
    append: (event) => {
      if (closed) return;
      const isMetrics = event.type === 'metrics';
      if (isMetrics && queue.length > longestQueue) {
        dropped++;
        return;
      }
      queue += `${encodeEvent(event)}\n`;
      mustSync ||= !isMetrics;
      timer ??= setTimeout(flush, flushInterval).unref();
    },
    flush,
    sync: () => {
      mustSync = true;
      return flush();
    },
    close: () => {
      clearTimeout(timer);
      mustSync = true;
      closed ??= end();
      return closed;
    },
  };
}

function missing(lines: number): string {
  if (lines === 0) return 'nothing is missing';
  return lines === 1 ? '1 event is missing' : `${lines} events are missing`;
}

/**
 * Syncs a file or folder to disk and returns its length in bytes. Only synced events are sent to a server: otherwise a
 * power cut could remove events here that the server already has.
 * @throws the file system's error if the file cannot be read
 */
export async function syncedLength(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    // Some file systems do not support it.
    await handle.sync().catch(() => undefined);
    return size;
  } finally {
    await handle.close();
  }
}

/** Takes the place of a line that is not a valid event, for example after a disk error. */
export interface DamagedLine {
  readonly type: 'damaged';
  /** Names the file and the line. */
  readonly sentence: string;
}

/**
 * Yields the events between two bytes, each with the position after it, and a `DamagedLine` for every invalid line.
 * Stops before a last line without a newline: it is still being written, or was torn by a crash.
 * @throws the file system's error if the file cannot be read
 */
export async function* readJournal(
  file: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<{ event: JournalEvent | DamagedLine; end: number }> {
  const handle = await open(file, 'r');
  try {
    const chunk = Buffer.alloc(262_144);
    let rest: Buffer = Buffer.alloc(0);
    let end = from;
    for (;;) {
      const at = end + rest.length;
      const wanted = Math.min(chunk.length, to - at);
      const { bytesRead } = wanted > 0 ? await handle.read(chunk, 0, wanted, at) : { bytesRead: 0 };
      if (bytesRead === 0) return;
      const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let begin = 0;
      for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, begin)) {
        const event = decodeEvent(bytes.toString('utf8', begin, newline)) ?? damagedLine(file, end);
        end += newline + 1 - begin;
        begin = newline + 1;
        yield { event, end };
      }
      rest = bytes.subarray(begin);
    }
  } finally {
    await handle.close();
  }
}

const damagedLine = (file: string, byte: number): DamagedLine => ({
  type: 'damaged',
  sentence: `${file}: the line at byte ${byte} is damaged or from a newer version, and was skipped`,
});

/**
 * The last event within the last 64 kB of a journal, if any.
 * @throws the file system's error if the file cannot be read
 */
export async function lastEvent(file: string): Promise<JournalEvent | undefined> {
  let last: JournalEvent | undefined;
  for await (const { event } of readJournal(file, Math.max(0, statSync(file).size - 65_536))) {
    if (event.type !== 'damaged') last = event;
  }
  return last;
}

/** Truncates the file after its last newline. @returns its new length in bytes */
function cutTornLine(descriptor: number): number {
  const { size } = fstatSync(descriptor);
  const chunk = Buffer.alloc(65_536);
  for (let end = size; end > 0; end -= Math.min(end, chunk.length)) {
    const begin = Math.max(0, end - chunk.length);
    const bytes = readSync(descriptor, chunk, 0, end - begin, begin);
    const newline = chunk.subarray(0, bytes).lastIndexOf(10);
    if (newline < 0) continue;
    const length = begin + newline + 1;
    if (length < size) ftruncateSync(descriptor, length);
    return length;
  }
  ftruncateSync(descriptor, 0);
  return 0;
}
