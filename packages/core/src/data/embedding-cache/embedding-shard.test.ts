import fc from 'fast-check';
import {
  type EmbeddingShard,
  embeddingBytes,
  embeddingTypes,
  headerBytes,
  shardBytes,
  shardCodec,
  shardHeader,
} from './embedding-shard';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const count = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const shards: fc.Arbitrary<EmbeddingShard> = fc.record({
  key,
  type: fc.constantFrom(...embeddingTypes),
  dimension: fc.integer({ min: 1, max: 9 }),
  copy: count,
  first: count,
  count: fc.integer({ min: 1, max: 5 }),
});

/** A shard and its embeddings, whose numbers are exact in both types. */
const filled = shards.chain((shard) =>
  fc.record({
    shard: fc.constant(shard),
    values: fc
      .array(fc.integer({ min: -1024, max: 1024 }), {
        minLength: shard.count * shard.dimension,
        maxLength: shard.count * shard.dimension,
      })
      .map((numbers) => Float32Array.from(numbers, (value) => value / 8)),
  }),
);

const rowOf = (shard: EmbeddingShard, bytes: Buffer, row: number) =>
  bytes.subarray(row * embeddingBytes(shard), (row + 1) * embeddingBytes(shard));

test('rows decode to the encoded numbers, in one piece or in several', () => {
  fc.assert(
    fc.property(filled, fc.nat(), ({ shard, values }, cut) => {
      const { count: rows, dimension } = shard;
      const codec = shardCodec(shard);
      const bytes = codec.encode(0, values);
      expect(headerBytes + bytes.length).toBe(shardBytes(shard));
      const at = cut % (rows + 1);
      const pieces = [
        codec.encode(0, values.subarray(0, at * dimension)),
        codec.encode(at, values.subarray(at * dimension)),
      ];
      expect(Buffer.concat(pieces)).toEqual(bytes);
      for (let row = 0; row < rows; row++) {
        const target = new Float32Array(dimension);
        expect(codec.decode(row, rowOf(shard, bytes, row), target)).toBe(true);
        expect(target).toEqual(values.slice(row * dimension, (row + 1) * dimension));
      }
    }),
  );
});

test('a row with a changed bit, cut off, or at another position is refused', () => {
  fc.assert(
    fc.property(filled, fc.nat(), ({ shard, values }, chosen) => {
      const codec = shardCodec(shard);
      const target = new Float32Array(shard.dimension);
      const row = Buffer.from(rowOf(shard, codec.encode(0, values), 0));
      expect(codec.decode(1, row, target)).toBe(false);
      expect(shardCodec({ ...shard, copy: shard.copy ^ 1 }).decode(0, row, target)).toBe(false);
      expect(shardCodec({ ...shard, first: shard.first ^ 1 }).decode(0, row, target)).toBe(false);
      expect(shardCodec({ ...shard, key: 'ab'.repeat(32) }).decode(0, row, target)).toBe(shard.key === 'ab'.repeat(32));
      expect(codec.decode(0, row.subarray(0, chosen % row.length), target)).toBe(false);
      const bit = chosen % (row.length * 8);
      row[bit >> 3] = (row[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(codec.decode(0, row, target)).toBe(false);
      expect(target).toEqual(new Float32Array(shard.dimension));
    }),
  );
});

test('headers differ if the shards differ', () => {
  fc.assert(
    fc.property(shards, shards, (one, other) => {
      expect(shardHeader(one).equals(shardHeader(other))).toBe(JSON.stringify(one) === JSON.stringify(other));
      expect(shardHeader(one)).toHaveLength(headerBytes);
    }),
  );
});

test('the bytes of a file do not change between versions', () => {
  const shard: EmbeddingShard = { key: '01'.repeat(32), type: 'float16', dimension: 2, copy: 1, first: 20, count: 1 };
  expect(shardHeader(shard).toString('hex')).toBe(
    `4853524f57530d0a010000000100000002000000010000001400000001000000${'01'.repeat(32)}87b32b2200000000`,
  );
  expect(shardCodec(shard).encode(0, Float32Array.of(1, -2)).toString('hex')).toBe('003c00c042513e4d');
});
