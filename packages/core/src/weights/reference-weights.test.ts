/**
 * Files that PyTorch wrote, against what PyTorch found in them (fixtures/reference/pth.json): every tensor, and what
 * the network computes with them. REFERENCE_CASES names another folder of the same form.
 */

import { type ReferenceValues, referenceFile, referencePath, relativeError } from '../../test/reference-cases';
import { backbones, heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { permuted } from '../nn/torch-layout';
import { State } from '../runtime/state';
import { scoped, tf } from '../runtime/tensorflow';
import { networkFromWeights } from './network-from-weights';
import { findStateDict } from './state-dict';
import { readWeightsFile } from './weights-file';

interface Statistics {
  readonly n: number;
  readonly sum: number;
  readonly abs_sum: number;
  readonly l2: number;
  readonly first4: readonly number[];
}

interface WeightsCase {
  readonly id: string;
  readonly input: ReferenceValues;
  readonly eval_logits_f64: ReferenceValues;
  readonly embedding_f64: ReferenceValues;
  readonly tensors: Readonly<Record<string, Statistics>>;
  readonly int64_tensors: Readonly<Record<string, number>>;
}

const { cases } = referenceFile<{ readonly cases: readonly WeightsCase[] }>('pth.json');

// Of float32 numbers sums are exact to 1e-12; numbers of float64 are rounded here.
const sumTolerance = 1e-7;

function statistics(values: Float32Array): Statistics {
  const all = Float64Array.from(values);
  return {
    n: all.length,
    sum: all.reduce((a, b) => a + b, 0),
    abs_sum: all.reduce((a, b) => a + Math.abs(b), 0),
    l2: Math.sqrt(all.reduce((a, b) => a + b * b, 0)),
    first4: [...all.subarray(0, 4)],
  };
}

describe.each(cases.map((one) => [one.id, one] as const))('%s', (id, expected) => {
  const file = referencePath(id);

  test('holds the tensors that PyTorch reads', () => {
    const { content, refuse } = readWeightsFile(file);
    const { tensors } = findStateDict(content, undefined, refuse);
    const named = [...Object.keys(expected.tensors), ...Object.keys(expected.int64_tensors)];
    expect([...tensors.keys()].sort()).toEqual(named.sort());
    for (const [name, wanted] of Object.entries(expected.tensors)) {
      const got = statistics(tensors.get(name)?.values() ?? new Float32Array(0));
      expect([name, got.n, got.first4]).toEqual([name, wanted.n, wanted.first4.map(Math.fround)]);
      expect(Math.abs(got.sum - wanted.sum)).toBeLessThanOrEqual(sumTolerance * wanted.abs_sum);
      expect(got.abs_sum / (wanted.abs_sum || 1)).toBeCloseTo(wanted.abs_sum === 0 ? 0 : 1, 6);
      expect(got.l2 / (wanted.l2 || 1)).toBeCloseTo(wanted.l2 === 0 ? 0 : 1, 6);
    }
    for (const [name, wanted] of Object.entries(expected.int64_tensors)) {
      expect([name, tensors.get(name)?.type.name, ...(tensors.get(name)?.values() ?? [])]).toEqual([
        name,
        'int64',
        wanted,
      ]);
    }
  });

  test("fits a known network, which gives PyTorch's outputs", () => {
    const { description, tensors } = networkFromWeights(file);
    const state = new State();
    const scope = Scope.root(state, 'net', undefined);
    const backbone = backbones.named(description.backbone).build(scope, description);
    const shape = { inputs: backbone.embeddingSize, classes: description.classes };
    const head = heads.named(description.head).build(scope.child('head'), shape);
    state.load(new Map([...tensors].map(([name, values]) => [`net/${name}`, values])), file);
    scoped(() => {
      const { shape: images, data } = expected.input;
      const { shape: ours, values } = permuted({ shape: images, values: Float32Array.from(data) }, [0, 2, 3, 1]);
      const { embedding } = backbone.apply(tf.tensor4d(values, ours as [number, number, number, number]), 'eval');
      expect(relativeError(embedding.dataSync(), expected.embedding_f64)).toBeLessThan(1e-5);
      expect(relativeError(head.logits(embedding).dataSync(), expected.eval_logits_f64)).toBeLessThan(1e-5);
    });
    state.dispose();
  });
});
