import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  write,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { UserError } from '../runtime/user-error';
import type { JournalEvent } from './event';

/** An append-only journal that is open for writing. None of its calls waits for the disk or throws. */
export interface Journal {
  append(event: JournalEvent): void;
  /** Resolves when everything appended so far is with the operating system. */
  flush(): Promise<void>;
  /** `flush`, onto the disk itself: it outlasts a power cut. */
  sync(): Promise<void>;
  /** `flush`, onto the disk itself, and the end of writing. */
  close(): Promise<void>;
}

/** Lines wait this long for company before they are written. */
const flushInterval = 500;

/** What may wait in memory while the disk refuses to take it, before further lines are dropped. */
const longestQueue = 8_000_000;

/**
 * Opens a journal to append to; a line that a crash left half written is cut off first.
 * `onError` is called once, when the disk first refuses a write; writing is then tried again with every flush.
 * Throws the file system's error when the file cannot be opened.
 */
export function openJournal(file: string, onError: (error: Error) => void): Journal {
  const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o666);
  let position = cutTornLine(descriptor);
  let queue = '';
  let current: Buffer = Buffer.alloc(0);
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let failed = false;

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
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(writeAll).catch((error: Error) => {
      if (!failed) onError(error);
      failed = true;
    });
    return writing;
  };
  const sync = async (): Promise<void> => {
    await flush();
    await promisify(fdatasync)(descriptor).catch(() => undefined);
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
      if (queue.length > longestQueue) return;
      queue += `${encodeEvent(event)}\n`;
      timer ??= setTimeout(flush, flushInterval).unref();
    },
    flush,
    sync,
    close: async () => {
      await sync();
      process.off('exit', writeRest);
      await promisify(close)(descriptor).catch(() => closeSync(descriptor));
    },
  };
}

/**
 * The events from byte `from` on, each with the byte after it. Ends before a last line that is not complete: it is
 * still being written, or was torn by a crash.
 * Throws UserError when a complete line is not an event, and the file system's error when the file cannot be read.
 */
export async function* readJournal(file: string, from = 0): AsyncGenerator<{ event: JournalEvent; end: number }> {
  const handle = await open(file, 'r');
  try {
    const chunk = Buffer.alloc(262_144);
    let rest: Buffer = Buffer.alloc(0);
    let end = from;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, end + rest.length);
      if (bytesRead === 0) return;
      const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let begin = 0;
      for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, begin)) {
        const event = decodeEvent(bytes.toString('utf8', begin, newline));
        if (!event) throw new UserError(`${file}: the line at byte ${end} is not an event of a journal.`, 1);
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

/** One line, without its end. JSON has no NaN and no infinities: they are written as strings. */
export function encodeEvent(event: JournalEvent): string {
  return JSON.stringify(event, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

/** The event of a line; undefined when it is none. */
export function decodeEvent(line: string): JournalEvent | undefined {
  try {
    const event: JournalEvent = JSON.parse(line);
    if (typeof event.type !== 'string' || typeof event.time !== 'number') return undefined;
    if (event.type !== 'metrics') return event;
    const values = Object.entries(event.values).map(([name, value]) => [name, Number(value)] as const);
    return { ...event, values: Object.fromEntries(values) };
  } catch {
    return undefined;
  }
}

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
