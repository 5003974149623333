import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { JournalEvent } from './event';
import { decodeEvent, encodeEvent, openJournal, readJournal } from './journal';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headshare-journal-'));
  file = join(folder, 'journal.jsonl');
});

afterEach(() => rmSync(folder, { recursive: true }));

const neverFails = (error: Error) => {
  throw error;
};

const metrics = (step: number): JournalEvent => ({
  time: 1000 + step,
  type: 'metrics',
  step,
  values: { loss: step / 8 },
});

async function read(from?: number): Promise<JournalEvent[]> {
  const events: JournalEvent[] = [];
  for await (const { event } of readJournal(file, from)) events.push(event);
  return events;
}

async function write(events: JournalEvent[]): Promise<void> {
  const journal = openJournal(file, neverFails);
  for (const event of events) journal.append(event);
  await journal.close();
}

test('what is appended is read back, in order, one line each', async () => {
  const events: JournalEvent[] = [
    { time: 1, type: 'start', id: 'a', experiment: 'headshare/face', name: 'distill' },
    { time: 2, type: 'metrics', step: 1, values: { loss: 0.5 } },
    { time: 3, type: 'finish', status: 'FINISHED' },
  ];
  await write(events);
  expect(await read()).toEqual(events);
  expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('{"time":2,"type":"metrics","step":1,"values":{"loss":0.5}}');
});

test('reading can begin behind any event', async () => {
  await write([metrics(1), metrics(2), metrics(3)]);
  const ends: number[] = [];
  for await (const { end } of readJournal(file)) ends.push(end);
  expect(await read(ends[0])).toEqual([metrics(2), metrics(3)]);
  expect(await read(ends[2])).toEqual([]);
});

test('a journal torn at any byte loses the torn line and nothing else, also when it is written on', async () => {
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

test('a line longer than what is read at once is one event', async () => {
  const long: JournalEvent = { time: 1, type: 'params', params: { list: 'é'.repeat(400_000) } };
  await write([metrics(1), long, metrics(2)]);
  expect(await read()).toEqual([metrics(1), long, metrics(2)]);
});

test('a complete line that is no event is named', async () => {
  await write([metrics(1)]);
  const place = readFileSync(file).length;
  appendFileSync(file, '\0\0\0\n');
  await expect(read()).rejects.toThrow(`${file}: the line at byte ${place} is not an event of a journal.`);
});

test('appended events are in the file after a flush, while it is still open', async () => {
  const journal = openJournal(file, neverFails);
  journal.append(metrics(1));
  await journal.flush();
  expect(await read()).toEqual([metrics(1)]);
  journal.append(metrics(2));
  await journal.close();
  expect(await read()).toEqual([metrics(1), metrics(2)]);
});

test('any number of any metric comes back as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.double()), fc.integer(), fc.nat(), (values, step, time) => {
      // JSON has one zero.
      for (const [name, value] of Object.entries(values)) values[name] = Object.is(value, -0) ? 0 : value;
      const event: JournalEvent = { time, type: 'metrics', step, values: { ...values } };
      expect(decodeEvent(encodeEvent(event))).toEqual(event);
    }),
  );
});

test('no text makes the decoder throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void decodeEvent(line)));
});
