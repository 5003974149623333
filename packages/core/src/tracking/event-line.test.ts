import fc from 'fast-check';
import { decodeEvent, encodeEvent } from './event-line';
import type { JournalEvent } from './journal';

const events: fc.Arbitrary<JournalEvent> = fc.record({
  time: fc.nat(),
  type: fc.constant('metrics'),
  step: fc.integer(),
  values: fc.dictionary(fc.string({ unit: 'binary' }), fc.double()),
});

const spelled = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

test('metrics are written as JSON.stringify writes them, NaN and infinities as strings', () => {
  expect(encodeEvent({ time: 5, type: 'metrics', step: 7, values: { loss: 1e-7, '"odd"': -Infinity } })).toBe(
    '{"time":5,"type":"metrics","step":7,"values":{"loss":1e-7,"\\"odd\\"":"-Infinity"}}',
  );
  fc.assert(fc.property(events, (event) => expect(encodeEvent(event)).toBe(JSON.stringify(event, spelled))));
});

test('what only looks like metrics is written as JSON.stringify writes it', () => {
  const odd = { time: 5, type: 'metrics', step: 7, values: { none: null, text: '1', absent: undefined } };
  expect(encodeEvent(odd as never)).toBe(JSON.stringify(odd));
  const more = { time: Number.NaN, type: 'metrics', step: 7, values: {}, dataset: 'lfw' };
  expect(encodeEvent(more as never)).toBe('{"time":"NaN","type":"metrics","step":7,"values":{},"dataset":"lfw"}');
});

test('any number of any metric comes back as it was', () => {
  fc.assert(
    fc.property(events, (event) => {
      if (event.type !== 'metrics') throw new Error('made above');
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
])('%s is no event', (line) => expect(decodeEvent(line)).toBeUndefined());

test('no text makes the decoder throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void decodeEvent(line)));
});
