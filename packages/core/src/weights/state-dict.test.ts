import { type ElementType, elementTypes } from './element-types';
import { contiguousStrides, stridedTensor } from './external-tensor';
import { refusal } from './refusal';
import { findStateDict } from './state-dict';

const refuse = refusal('file.pt', 'weights');

function tensor(...shape: number[]) {
  const elements = shape.reduce((a, b) => a * b, 1);
  const data = new Uint8Array(elements * 4);
  const type = elementTypes.get('float32') as ElementType;
  const storage = { type, elements, data, budget: { left: data.length }, known: new Map() };
  return stridedTensor(storage, { shape, strides: contiguousStrides(shape), offset: 0 }, refuse);
}

test("insightface's checkpoint_gpu_0.pt is a backbone and, beside it, the class centres that are its head", () => {
  const [filter, centres] = [tensor(2, 3, 1, 1), tensor(5, 2)];
  const content = new Map<string, unknown>([
    ['epoch', 3],
    ['state_dict_backbone', new Map([['conv1.weight', filter]])],
    ['state_dict_softmax_fc', new Map([['weight', centres]])],
    ['state_optimizer', new Map([['state', new Map([[0, new Map([['momentum_buffer', tensor(2)]])]])]])],
  ]);
  expect([...findStateDict(content, undefined, refuse)]).toEqual([
    ['conv1.weight', filter],
    ['head.weight', centres],
  ]);
  expect([...findStateDict(content, 'state_dict_softmax_fc', refuse)]).toEqual([['weight', centres]]);
});

test('of other dicts that are side by side, one must be named', () => {
  const dict = new Map([['weight', tensor(2)]]);
  const content = new Map([
    ['state_dict_backbone', dict],
    ['state_dict_ema', new Map(dict)],
  ]);
  expect(() => findStateDict(content, undefined, refuse)).toThrow(
    'it holds several dicts of tensors, and one must be chosen: state_dict_backbone, state_dict_ema',
  );
});
