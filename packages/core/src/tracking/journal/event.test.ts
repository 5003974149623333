import fc from 'fast-check';
import type { JournalEvent } from './event';
import { decodeEvent, encodeEvent } from './event';

const events: fc.Arbitrary<JournalEvent> = fc.record({
  time: fc.nat(),
  type: fc.constant('metrics'),
  step: fc.integer(),
  values: fc.dictionary(fc.string({ unit: 'binary' }), fc.double()),
});

test('NaN and infinities, which JSON lacks, are written as strings', () => {
  expect(encodeEvent({ time: 5, type: 'metrics', step: 7, values: { loss: 1e-7, odd: -Infinity } })).toBe(
    '{"time":5,"type":"metrics","step":7,"values":{"loss":1e-7,"odd":"-Infinity"}}',
  );
});

test("the text 'null' remains a text", () => {
  const event: JournalEvent = { time: 1, type: 'params', params: { teacher: 'null' } };
  expect(decodeEvent(encodeEvent(event))).toEqual(event);
});

test('every number survives encoding and decoding', () => {
  fc.assert(
    fc.property(events, (event) => {
      if (event.type !== 'metrics') throw new Error('the generator makes only metrics');
      // JSON has one zero.
      const values = Object.entries(event.values).map(([name, value]) => [name, value === 0 ? 0 : value]);
      expect(decodeEvent(encodeEvent(event))).toEqual({ ...event, values: Object.fromEntries(values) });
    }),
  );
});

test.each([
  '{"time":1,"type":"stars"}',
  '{"time":1,"type":"toString"}',
  '{"time":"1","type":"finish","status":"FINISHED"}',
  '{"time":1,"type":"finish","status":"FINISHEE"}',
  '{"time":1,"type":"start","id":"a","experiment":"headshare/face"}',
  '{"time":1,"type":"params","paramt":{}}',
  '{"time":1,"type":"tags","tags":{"a":1}}',
  '{"time":1,"type":"metrics","step":1,"values":{"loss":"0.5"}}',
  '{"time":1,"type":"artifact","path":"config.json"}',
  '[]',
])('%s is not an event', (line) => expect(decodeEvent(line)).toBeUndefined());

test('the decoder never throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void decodeEvent(line)));
});
