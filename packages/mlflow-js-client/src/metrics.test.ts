import fc from 'fast-check';
import { type Batch, chunks, limits } from './metrics';

const entry = fc.record({ key: fc.string({ maxLength: 250 }), value: fc.string({ maxLength: 6000, unit: 'binary' }) });
const metric = fc.record({
  key: fc.string({ maxLength: 250 }),
  value: fc.double(),
  timestamp: fc.nat(),
  step: fc.nat(),
});

test('chunks of any batch keep every limit, and together are the batch in order', () => {
  fc.assert(
    fc.property(
      fc.array(metric, { maxLength: 3000, size: 'max' }),
      fc.array(entry, { maxLength: 300, size: 'max' }),
      fc.array(entry, { maxLength: 300, size: 'max' }),
      (metrics, params, tags) => {
        const parts = [...chunks({ metrics, params, tags })];
        for (const part of parts) {
          expect(part.metrics?.length).toBeLessThanOrEqual(limits.metrics);
          expect(part.params?.length).toBeLessThanOrEqual(limits.params);
          expect(part.tags?.length).toBeLessThanOrEqual(limits.tags);
          const all = (part.metrics?.length ?? 0) + (part.params?.length ?? 0) + (part.tags?.length ?? 0);
          expect(all).toBeLessThanOrEqual(limits.entities);
          expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(limits.bytes);
        }
        const joined = (kind: keyof Batch) => parts.flatMap((part): unknown[] => part[kind] ?? []);
        expect(joined('metrics')).toEqual(metrics);
        expect(joined('params')).toEqual(params);
        expect(joined('tags')).toEqual(tags);
      },
    ),
    { numRuns: 20 },
  );
});

test('nothing to log is no request', () => {
  expect([...chunks({ metrics: [], params: [] })]).toEqual([]);
});
