import { type DescribedNetwork, networkResults } from '@headshare/core/delivery/network-graph';
import type { Person } from './people-folder';

/** Pictures embedded at once. */
const batch = 64;

/**
 * The embedding of each person, [people, dimension] by rows: the sum over pictures and their mirror images, of length 1.
 * @param teacherSpace whether the network's embedding is mapped to its teacher's space
 */
export function embedGallery(
  network: DescribedNetwork,
  people: readonly Person[],
  teacherSpace: boolean,
): { readonly rows: Float32Array; readonly dimension: number } {
  const pictures = people.flatMap(({ pictures }) => pictures);
  const parts: Float32Array[] = [];
  for (let from = 0; from < pictures.length; from += batch) {
    const some = pictures.slice(from, from + batch);
    const bytes = Buffer.concat(some.map(({ pixels }) => pixels));
    const { embedding = new Float32Array() } = networkResults(
      network,
      { input: 'bytes', outputs: ['embedding'], mirror: true, teacherSpace },
      bytes,
    );
    const size = embedding.length / some.length;
    for (let i = 0; i < some.length; i++) parts.push(embedding.subarray(i * size, (i + 1) * size));
  }
  const dimension = parts[0]?.length ?? 0;
  const rows = new Float32Array(people.length * dimension);
  let at = 0;
  for (const [person, { pictures }] of people.entries()) {
    const row = rows.subarray(person * dimension, (person + 1) * dimension);
    for (const part of parts.slice(at, at + pictures.length)) {
      for (let i = 0; i < dimension; i++) row[i] = (row[i] as number) + (part[i] as number);
    }
    const length = Math.hypot(...row);
    for (let i = 0; i < dimension; i++) row[i] = (row[i] as number) / length;
    at += pictures.length;
  }
  return { rows, dimension };
}
