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
import type { JournalEvent } from './event';
import { decodeEvent, encodeEvent } from './event-line';

/** An append-only journal that is open for writing. None of its calls waits for the disk or throws. */
export interface Journal {
  /**
   * A line of metrics is with the operating system half a second later, anything else on the disk itself. While the
   * disk takes nothing, lines wait in memory; metrics for which there is no room there are dropped, and counted.
   */
  append(event: JournalEvent): void;
  /** Resolves when everything appended so far is with the operating system, or was refused. */
  flush(): Promise<void>;
  /** `flush`, onto the disk itself: it outlasts a power cut. */
  sync(): Promise<void>;
  /** `sync`, and the end of writing: what is appended later is not recorded. */
  close(): Promise<void>;
}

/** Milliseconds that lines wait for company before they are written. */
const flushInterval = 500;

/**
 * Opens a journal to append to; a line that a crash left half written is cut off first.
 * @param tell takes a sentence when the disk begins to refuse writes, another when it takes them again, and one at the
 * end when it does not; writing is tried again with every flush
 * @param longestQueue characters that may wait in memory before metrics are dropped
 * Throws the file system's error when the file cannot be opened.
 */
export function openJournal(
  file: string,
  tell: (sentence: string) => void,
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
    if (failing) tell(`The journal ${file} is being written again; ${missing(dropped)}.`);
    else if (dropped > 0) tell(`The journal ${file} was not written fast enough; ${missing(dropped)}.`);
    failing = false;
    dropped = 0;
    if (!mustSync) return;
    mustSync = false;
    // Not every file system can.
    await promisify(fdatasync)(descriptor).catch(() => undefined);
    if (isNew) await syncFolder(dirname(file)).catch(() => undefined);
    isNew = false;
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    // The descriptor's number may be another file's by now.
    if (closed) return closed;
    return writeQueue();
  };
  const writeQueue = (): Promise<void> => {
    writing = writing.then(writeAll).catch((error: Error) => {
      if (!failing) tell(`The journal ${file} cannot be written: ${error.message}. What the run logs waits in memory.`);
      failing = true;
    });
    return writing;
  };
  const sync = (): Promise<void> => {
    mustSync = true;
    return flush();
  };
  const end = async (): Promise<void> => {
    await writeQueue();
    process.off('exit', writeRest);
    const unwritten = current.length + queue.length > 0 ? linesIn(current) + linesIn(Buffer.from(queue)) : 0;
    if (unwritten > 0) tell(`The journal ${file} could not be written to its end; ${missing(unwritten + dropped)}.`);
    await promisify(close)(descriptor).catch(() => closeSync(descriptor));
  };
  // Whatever ends the process, short of SIGKILL, loses nothing. The positions are explicit, so that a write that is
  // still under way in a thread puts the same bytes in the same place.
  const writeRest = (): void => {
    try {
      writeSync(descriptor, Buffer.concat([current, Buffer.from(queue)]), 0, undefined, position);
    } catch {
      // Nobody is left to tell.
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
    sync,
    close: () => {
      clearTimeout(timer);
      mustSync = true;
      closed ??= end();
      return closed;
    },
  };
}

/** What is said of lines that are not in the journal. */
const missing = (lines: number): string => {
  if (lines === 0) return 'nothing is missing';
  return lines === 1
    ? 'one line of what the run logged is missing'
    : `${lines} lines of what the run logged are missing`;
};

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** Without it a power cut may take a new file's name. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What stands in the place of a line that is none of a journal's, as a disk's error leaves it. */
export interface DamagedLine {
  readonly type: 'damaged';
  /** Which line of which file it is. */
  readonly sentence: string;
}

/**
 * Puts all that a journal holds onto the disk itself; its length then, in bytes. What is sent only after that outlasts a
 * power cut here too: a run that goes on tells nothing again that the server knows.
 * Throws the file system's error when the file cannot be read.
 */
export async function syncedLength(file: string): Promise<number> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    // Not every file system can.
    await handle.datasync().catch(() => undefined);
    return size;
  } finally {
    await handle.close();
  }
}

/**
 * The events from byte `from` to byte `to`, each with the byte after it; a line that is none is told in its place. Ends
 * before a last line that is not complete: it is still being written, or was torn by a crash.
 * Throws the file system's error when the file cannot be read.
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

/**
 * The last event, looked for among the last 64 kB; undefined where there is none.
 * Throws the file system's error when the file cannot be read.
 */
export async function lastEvent(file: string): Promise<JournalEvent | undefined> {
  let last: JournalEvent | undefined;
  // What is cut off at the beginning is no event.
  for await (const { event } of readJournal(file, Math.max(0, statSync(file).size - 65_536))) {
    if (event.type !== 'damaged') last = event;
  }
  return last;
}

const damagedLine = (file: string, byte: number): DamagedLine => ({
  type: 'damaged',
  sentence: `${file}: the line at byte ${byte} is damaged or of a later version, and left out`,
});

/** Cuts the file behind its last newline and returns the length that leaves. */
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
