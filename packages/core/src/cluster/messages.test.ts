import fc from 'fast-check';
import { BadMessage, LineReader, lineOf, readFromWorker } from './messages';

const examples: readonly Parameters<typeof lineOf>[0][] = [
  { type: 'hello', protocol: 1, session: 's', isHome: true, pid: 7, cpu: 'a CPU', threads: '2' },
  { type: 'announce', protocol: 1, workers: 2 },
  { type: 'ping' },
  { type: 'address', port: 4567 },
  { type: 'enter', label: 'student', parts: { data: 'a' } },
  { type: 'leave' },
  { type: 'quiet', generation: 3, hasState: true },
  { type: 'enabled', generation: 3 },
  { type: 'again', generation: 3 },
  { type: 'exchange', generation: 3, label: 'sync', value: [1, { a: null }] },
  { type: 'post', key: 'stop', value: null },
  { type: 'bye' },
];

test.each(examples.map((message) => [message.type, message] as const))(
  '%s is read as it was written',
  (_type, message) => {
    expect(readFromWorker(lineOf(message).trimEnd())).toEqual(message);
  },
);

test('lines are the same however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(9)), (texts, cuts) => {
      const lines = texts.map((text) => JSON.stringify(text));
      let rest = lines.map((line) => `${line}\n`).join('');
      const reader = new LineReader();
      const read: string[] = [];
      for (const cut of [...cuts, rest.length]) {
        read.push(...reader.take(rest.slice(0, cut), 1000));
        rest = rest.slice(cut);
      }
      expect(read).toEqual(lines);
    }),
  );
});

test('a line that is too long is refused before its end has come', () => {
  const reader = new LineReader();
  expect(reader.take('x'.repeat(100), 100)).toEqual([]);
  expect(() => reader.take('x', 100)).toThrow(BadMessage);
  expect(() => new LineReader().take(`${'x'.repeat(101)}\n`, 100)).toThrow(BadMessage);
});

test('any other line is refused, and nothing else happens', () => {
  const damaged = fc
    .tuple(fc.constantFrom(...examples), fc.string(), fc.jsonValue())
    .map(([message, key, value]) => JSON.stringify({ ...message, [key]: value }));
  const replaced = fc.tuple(fc.constantFrom(...examples), fc.nat(), fc.jsonValue()).map(([message, at, value]) => {
    const keys = Object.keys(message);
    return JSON.stringify({ ...message, [keys[at % keys.length] as string]: value });
  });
  const types = new Set(examples.map(({ type }) => type));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), damaged, replaced), (line) => {
      try {
        const { type } = readFromWorker(line);
        expect(types).toContain(type);
      } catch (error) {
        expect(error).toBeInstanceOf(BadMessage);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each([
  '',
  '[]',
  'null',
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  '{"type":["ping"]}',
  '{"type":"address","port":0}',
  '{"type":"address","port":65536}',
  '{"type":"quiet","generation":-1}',
  '{"type":"quiet","generation":1.5}',
  '{"type":"quiet","generation":"1"}',
  '{"type":"enter","label":"","parts":{}}',
  '{"type":"enter","label":"a","parts":{"data":1}}',
  '{"type":"enter","label":"a","parts":[]}',
  '{"type":"exchange","generation":1,"label":"a"}',
])('%s is no message', (line) => {
  expect(() => readFromWorker(line)).toThrow(BadMessage);
});
