import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { JournalEvent } from './event';
import { type DamagedLine, lastEvent, openJournal, readJournal, syncedLength } from './journal';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-journal-'));
  file = join(folder, 'journal.jsonl');
});

afterEach(() => rmSync(folder, { recursive: true }));

const noWarning = (sentence: string) => {
  throw new Error(sentence);
};

const metrics = (step: number): JournalEvent => ({
  time: 1000 + step,
  type: 'metrics',
  step,
  values: { loss: step / 8 },
});

async function read(from?: number, to?: number): Promise<(JournalEvent | DamagedLine)[]> {
  const events: (JournalEvent | DamagedLine)[] = [];
  for await (const { event } of readJournal(file, from, to)) events.push(event);
  return events;
}

async function write(events: JournalEvent[]): Promise<void> {
  const journal = openJournal(file, noWarning);
  for (const event of events) journal.append(event);
  await journal.close();
}

test('reads back all events in order, from one line each', async () => {
  const events: JournalEvent[] = [
    { time: 1, type: 'start', id: 'a', experiment: 'headshare/face', name: 'distill' },
    { time: 2, type: 'metrics', step: 1, values: { loss: 0.5 } },
    { time: 3, type: 'finish', status: 'FINISHED' },
  ];
  await write(events);
  expect(await read()).toEqual(events);
  expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('{"time":2,"type":"metrics","step":1,"values":{"loss":0.5}}');
});

test('reading can start after any event', async () => {
  await write([metrics(1), metrics(2), metrics(3)]);
  const ends: number[] = [];
  for await (const { end } of readJournal(file)) ends.push(end);
  expect(await read(ends[0])).toEqual([metrics(2), metrics(3)]);
  expect(await read(ends[2])).toEqual([]);
});

test('reading up to a limit excludes later events, also incomplete ones', async () => {
  await write([metrics(1), metrics(2)]);
  const length = await syncedLength(file);
  await write([metrics(3)]);
  expect(await read(0, length)).toEqual([metrics(1), metrics(2)]);
  expect(await read(0, length + 5)).toEqual([metrics(1), metrics(2)]);
});

test('a journal truncated at any byte loses only the truncated line, also if writing continues', async () => {
  await write([metrics(1), metrics(2), metrics(3)]);
  const whole = readFileSync(file);
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length));
    const complete = whole.subarray(0, length).toString().split('\n').length - 1;
    const left = [metrics(1), metrics(2), metrics(3)].slice(0, complete);
    expect(await read()).toEqual(left);
    await write([metrics(9)]);
    expect(await read()).toEqual([...left, metrics(9)]);
  }
});

test('reads a line longer than a chunk', async () => {
  const long: JournalEvent = { time: 1, type: 'params', params: { list: 'é'.repeat(400_000) } };
  await write([metrics(1), long, metrics(2)]);
  expect(await read()).toEqual([metrics(1), long, metrics(2)]);
});

test('skips and names a complete line that is not an event', async () => {
  await write([metrics(1)]);
  const offset = readFileSync(file).length;
  appendFileSync(file, '\0\0\0\n');
  await write([metrics(2)]);
  const sentence = `${file}: the line at byte ${offset} is damaged or from a newer version, and was skipped`;
  expect(await read()).toEqual([metrics(1), { type: 'damaged', sentence }, metrics(2)]);
});

test('finds the last event after many others', async () => {
  await write([...Array.from({ length: 2000 }, (_, step) => metrics(step))]);
  appendFileSync(file, '\0\n{"time":3,"type":"fini');
  expect(await lastEvent(file)).toEqual(metrics(1999));
});

test('reads all lines whose bytes were not overwritten', async () => {
  const events = [1, 2, 3, 4, 5].map(metrics);
  await write(events);
  const whole = readFileSync(file);
  const ends: number[] = [];
  for await (const { end } of readJournal(file)) ends.push(end);
  const overwrite = fc.record({ at: fc.nat(whole.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 150 }) });
  await fc.assert(
    fc.asyncProperty(overwrite, async ({ at, bytes }) => {
      const wrong = Buffer.from(whole);
      wrong.set(bytes.subarray(0, whole.length - at), at);
      writeFileSync(file, wrong);
      // A line with an overwritten newline also damages the next line.
      const intact = events.filter((_, i) => (ends[i] ?? 0) <= at || (ends[i - 1] ?? 0) > at + bytes.length);
      expect(await read()).toEqual(expect.arrayContaining(intact));
    }),
  );
});

test('a flipped bit damages only its own line', async () => {
  const events: JournalEvent[] = [
    { time: 1, type: 'start', id: 'a', experiment: 'headshare/face', name: 'distill' },
    { time: 2, type: 'params', params: { epochs: '3' } },
    { time: 3, type: 'metrics', step: 4, values: { loss: 0.5, odd: Number.NaN } },
    { time: 4, type: 'finish', status: 'FINISHED' },
  ];
  await write(events);
  const whole = readFileSync(file);
  const lineAt = (byte: number) => whole.subarray(0, byte).toString().split('\n').length - 1;
  for (let byte = 0; byte < whole.length; byte++) {
    const wrong = Buffer.from(whole);
    wrong[byte] = (wrong[byte] ?? 0) ^ (1 << (byte % 8));
    writeFileSync(file, wrong);
    const line = lineAt(byte);
    // A damaged newline joins two lines.
    const joined = whole[byte] === 10;
    const intact = events.filter((_, index) => index !== line && !(joined && index === line + 1));
    // A damaged last newline leaves an incomplete line.
    expect((await read()).filter(({ type }) => type !== 'damaged')).toEqual(expect.arrayContaining(intact));
  }
});

test('counts metrics that exceed the queue', async () => {
  const warnings: string[] = [];
  const journal = openJournal(file, (sentence) => warnings.push(sentence), { longestQueue: 100 });
  for (const step of [1, 2, 3, 4, 5]) journal.append(metrics(step));
  journal.append({ time: 9, type: 'finish', status: 'FINISHED' });
  await journal.close();
  expect(await read()).toEqual([metrics(1), metrics(2), { time: 9, type: 'finish', status: 'FINISHED' }]);
  expect(warnings).toEqual([`The journal ${file} was not written fast enough; 3 events are missing.`]);
});

test('a flush writes events while the journal is open', async () => {
  const journal = openJournal(file, noWarning);
  journal.append(metrics(1));
  await journal.flush();
  expect(await read()).toEqual([metrics(1)]);
  journal.append(metrics(2));
  await journal.close();
  expect(await read()).toEqual([metrics(1), metrics(2)]);
});

test("ignores events after closing, also if another file has the descriptor's number", async () => {
  const journal = openJournal(file, noWarning);
  journal.append(metrics(1));
  await journal.close();
  // The system gives a closed file's number to the next file.
  const other = openSync(join(folder, 'other'), 'w+');
  journal.append(metrics(2));
  await journal.flush();
  await journal.close();
  writeSync(other, 'still open');
  closeSync(other);
  expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('still open');
  expect(await read()).toEqual([metrics(1)]);
});
