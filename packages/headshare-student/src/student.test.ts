import * as ort from 'onnxruntime-web';
import type { Card } from './card';
import { createStudent } from './student';

const card = (facts: Partial<Card>): Card =>
  ({
    task: 'face',
    outputs: ['embedding'],
    mirror: false,
    input: { name: 'image', form: 'bytes', height: 1, width: 2, preparation: { kind: 'none' } },
    ...facts,
  }) as unknown as Card;
const thresholds = (mirror: boolean) => ({ mirror, own: [] }) as unknown as Card['thresholds'];

/** A student whose embedding is the pixels of the picture; it records how many pictures each call has. */
function student(facts: Partial<Card>) {
  const batches: number[] = [];
  const session = {
    run: async ({ image }: { image: ort.Tensor }) => {
      batches.push(image.dims[0] as number);
      return { embedding: { data: Float32Array.from(image.data as Uint8Array) } };
    },
    release: async () => undefined,
  } as unknown as ort.InferenceSession;
  return { student: createStudent(ort, session, card(facts), 'wasm'), batches };
}

const picture = { pixels: Uint8Array.of(3, 0, 0, 0, 4, 0), width: 2, height: 1 };

test.each([
  ['no thresholds', {}, 2],
  ['thresholds of pictures alone', { thresholds: thresholds(false) }, 1],
  ['thresholds of pictures and mirror images', { thresholds: thresholds(true) }, 2],
  ['a file that embeds mirror images itself', { mirror: true, thresholds: thresholds(true) }, 1],
  ['classification', { task: 'classification' } as const, 1],
])('%s: embeddings are made as thresholds were measured', async (_, facts, pictures) => {
  const { student: one, batches } = student(facts);
  await one.embed([picture]);
  expect(batches).toEqual([pictures]);
});

test('a picture that is not in a list, and a closed student, are named', async () => {
  const { student: one } = student({});
  await expect(one.embed(picture as never)).rejects.toThrow('embed takes a list of pictures: embed([picture])');
  await one.close();
  await expect(one.embed([picture])).rejects.toThrow('This student is closed');
});
