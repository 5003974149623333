import { backbones } from '../nn/registry';
import { classifierName } from './backbone-fit';
import { type BackboneHints, chooseBackbone } from './choose-backbone';
import { elementTypes } from './element-types';
import type { ExternalTensor, ExternalTensors } from './external-tensor';
import type { NetworkSizes } from './network-sizes';
import { parameterShapes } from './parameter-shapes';

/** Tensors that have shapes alone. */
function shaped(shape: readonly number[]): ExternalTensor {
  const type = elementTypes.get('float32');
  if (!type) throw new Error('float32 is missing');
  return { type, shape, values: () => new Float32Array(0) };
}

/** The tensors of an exported network. */
function exported(backbone: string, sizes: NetworkSizes, head: string, classes: number): ExternalTensors {
  const shapes = parameterShapes({ backbone, ...sizes });
  const tensors = new Map([...shapes.backbone].map(([name, shape]) => [name, shaped(shape)]));
  const layer = classifierName(backbones.named(backbone), shapes);
  tensors.set(`${layer}.weight`, shaped([classes, shapes.embeddingSize]));
  if (head === 'linear') tensors.set(`${layer}.bias`, shaped([classes]));
  return tensors;
}

const sizesIn = (tensors: ExternalTensors, hints: BackboneHints = {}) => {
  const { definition, sizes, classifier } = chooseBackbone('x.pth', tensors, hints);
  return {
    backbone: definition.name,
    sizes,
    classes: classifier?.weight.shape[0],
    bias: classifier?.bias !== undefined,
  };
};

const variants = [
  ['linear', 3, 1, undefined],
  ['arcface', 1000, 1, 512],
  ['linear', 2, 1, 192],
  ['linear-no-bias', 1000, 0.5, 192],
  ['linear', 7, 0.25, 512],
  ['cosface', 2, 0.35, 64],
  ['linear', 5, 0.3, 100],
  ['linear', 4, 1.5, 128],
  ['linear', 6, 2, 1],
] as const;

test.each(backbones.all.map(({ name }) => name))(
  '%s of any width, head, number of classes and embedding',
  (backbone) => {
    const { inputSize } = backbones.named(backbone);
    for (const [head, classes, width, embeddingSize] of variants) {
      const own = { inputSize, width, ...(embeddingSize !== undefined && { embeddingSize }) };
      const found = sizesIn(exported(backbone, own, head, classes));
      expect([width, found]).toEqual([width, { ...found, backbone, classes, bias: head === 'linear' }]);
      // Several widths may round to the same channels, and some backbones fix their embedding.
      expect(parameterShapes({ backbone, ...found.sizes })).toEqual(parameterShapes({ backbone, ...own }));
      expect(found.sizes.inputSize).toBe(inputSize);
      expect(found.sizes.width).toBeCloseTo(width, 1);
    }
  },
);

test.each([
  ['iresnet10', 48],
  ['iresnet10', 32],
  ['iresnet18', 64],
  ['iresnet50', 112],
  ['mobilefacenet', 112],
  ['mobilefacenet', 64],
  ['mobilefacenet-insightface', 48],
  ['mobilefacenet', '128x80'],
  ['iresnet18', '112x96'],
] as const)('%s for images of %s pixels', (backbone, inputSize) => {
  for (const embeddingSize of [96, 512]) {
    const own = { inputSize, width: 0.5, embeddingSize };
    const { sizes } = sizesIn(exported(backbone, own, 'linear', 3));
    expect(parameterShapes({ backbone, ...sizes })).toEqual(parameterShapes({ backbone, ...own }));
    expect([sizes.inputSize, sizes.width]).toEqual([inputSize, 0.5]);
  }
});

test('given sizes that are other ones are named, with the sizes in the file', () => {
  const tensors = exported('mobilefacenet', { inputSize: 112, width: 1, embeddingSize: 192 }, 'linear', 3);
  const named = (hints: BackboneHints) => () => sizesIn(tensors, { backbone: 'mobilefacenet', ...hints });
  expect(named({ embeddingSize: 512 })).toThrow('x.pth holds mobilefacenet with embeddings of length 192, not 512.');
  expect(named({ width: 0.5, sizeOptions: { width: '--student-width' } })).toThrow(
    'x.pth holds mobilefacenet of width 1, not 0.5: give --student-width=1, or another file.',
  );
  expect(named({ embeddingSize: 192, width: 1 })().sizes.embeddingSize).toBe(192);
  // The size of images is that of the file, where its shapes tell.
  expect(named({ inputSize: 48 })().sizes.inputSize).toBe(112);
});

test('impossible shapes are refused', () => {
  const tensors = new Map(exported('resnet8', { inputSize: 32, width: 1 }, 'linear', 3));
  for (const shape of [[], [0], [2 ** 40, 1, 1, 1], [16, 3, 3]]) {
    tensors.set('conv1.weight', shaped(shape));
    expect(() => sizesIn(tensors)).toThrow(`the closest is resnet8: conv1.weight is [${shape}] and not [16,3,3,3].`);
  }
});
