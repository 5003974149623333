import { elementTypes } from './element-types';
import { contiguousTensor, type ExternalTensor } from './external-tensor';
import { parameterShapes } from './parameter-shapes';
import { refusal } from './refusal';
import { findStateDict } from './state-dict';
import { Tuple } from './torch/pickle-values';

const refuse = refusal('file.pt', 'weights');
const float32 = elementTypes.get('float32');

function tensor(...shape: number[]): ExternalTensor {
  if (!float32) throw new Error('float32 is missing');
  const data = new Uint8Array(shape.reduce((a, b) => a * b, 4));
  return contiguousTensor(float32, shape, data, { left: data.length }, refuse);
}

type Dict = Map<string, unknown>;

/** The tensors of a network of five classes, with names that `rename` makes. */
function network(backbone = 'resnet8', rename = (name: string) => name): Dict {
  const shapes = parameterShapes({ backbone, width: 1, inputSize: 32 }).backbone;
  const own = [...shapes].map(([name, shape]) => [name, tensor(...shape)] as const);
  const head = [['fc.weight', tensor(5, 64)] as const, ['fc.bias', tensor(5)] as const];
  return new Map(
    [...own, ['bn1.num_batches_tracked', tensor()] as const, ...head].map(([name, t]) => [rename(name), t]),
  );
}
const prefixed = (prefix: string) => network('resnet8', (name) => prefix + name);
const dict = (items: Readonly<Record<string, unknown>>): Dict => new Map(Object.entries(items));
const choose = (content: unknown, choice?: string) => findStateDict(content, choice, refuse);
const same = (content: unknown, wanted: Dict, choice?: string) =>
  expect(new Set(choose(content, choice).tensors.values())).toEqual(new Set(wanted.values()));

test("insightface's checkpoint_gpu_0.pt is a backbone and, beside it, the class centres that are its head", () => {
  const [filter, centres] = [tensor(2, 3, 1, 1), tensor(5, 2)];
  const content = new Map<string, unknown>([
    ['epoch', 3],
    ['state_dict_backbone', new Map([['conv1.weight', filter]])],
    ['state_dict_softmax_fc', new Map([['weight', centres]])],
    ['state_optimizer', new Map([['state', new Map([[0, new Map([['momentum_buffer', tensor(2)]])]])]])],
  ]);
  expect([...choose(content).tensors]).toEqual([
    ['conv1.weight', filter],
    ['head.weight', centres],
  ]);
  expect([...choose(content, 'state_dict_softmax_fc').tensors]).toEqual([['weight', centres]]);
});

const scores = dict({ ModelCheckpoint: dict({ best_model_score: tensor(), kth_value: tensor() }) });
const optimizer = dict({ state: new Map([[0, dict({ step: tensor(), exp_avg: tensor(2, 2) })]]), param_groups: [] });

/** How training code wraps the state dict of one network. */
const wrappers: Readonly<Record<string, (weights: Dict) => unknown>> = {
  'a state dict': (weights) => weights,
  'PyTorch Lightning': (weights) =>
    dict({ 'pytorch-lightning_version': '2.0', state_dict: weights, callbacks: scores, optimizer_states: [optimizer] }),
  timm: (weights) => dict({ epoch: 3, arch: 'resnet20', state_dict: weights, optimizer, metric: tensor() }),
  "torchvision's references": (weights) =>
    dict({ model: weights, optimizer, lr_scheduler: dict({}), scaler: dict({}) }),
  Detectron: (weights) => dict({ model: weights, optimizer, scheduler: dict({}), iteration: 9 }),
  OpenMMLab: (weights) => dict({ meta: dict({ epoch: 1 }), state_dict: weights, optimizer }),
  'a list': (weights) => [weights, optimizer],
  'a tuple of epoch and weights': (weights) => new Tuple([3, weights]),
  'a dict in a dict': (weights) => dict({ checkpoint: dict({ net: weights, acc: tensor() }), epoch: 3 }),
  'any key': (weights) => dict({ anything: weights, best_acc: tensor() }),
};

/** What training code puts in front of names. */
const prefixes = [
  '',
  'module.',
  '_orig_mod.',
  'module._orig_mod.',
  'model.',
  'net.',
  'backbone.',
  'student.',
  'encoder.',
  'model.backbone.',
  'module.student.net.',
  'base_model.model.',
  'timm_model.',
  '_fsdp_wrapped_module.model.',
];

describe.each(Object.entries(wrappers))('%s', (_, wrap) => {
  test.each(prefixes)('with names that start with "%s"', (prefix) => {
    const weights = prefixed(prefix);
    same(wrap(weights), weights);
    expect(choose(wrap(weights)).notes).toEqual([]);
  });
});

/** Checkpoints that hold averages: the keys of the weights and of their average. */
const averages = [
  ['state_dict', 'state_dict_ema'],
  ['model', 'model_ema'],
  ['model', 'ema'],
  ['state_dict', 'ema_state_dict'],
  ['net', 'swa_model'],
  ['model', 'ema_model'],
  ['model', 'averaged_model'],
  ['params', 'params_ema'],
] as const;

describe.each(averages)('%s beside %s', (raw, average) => {
  test.each(prefixes)('with names that start with "%s": the weights, and a line about their average', (prefix) => {
    const [weights, ema] = [prefixed(prefix), prefixed(`module.${prefix}`)];
    ema.set('n_averaged', tensor());
    const content = dict({ epoch: 3, [raw]: weights, [average]: ema, optimizer });
    same(content, weights);
    const { notes } = choose(content);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(`beside it is ${average} (47 tensors, 78389 numbers), which --state-dict=ema reads`);
    ema.delete('n_averaged');
    for (const choice of ['ema', average, average.toUpperCase(), `${average}.`]) same(content, ema, choice);
    for (const choice of ['model', raw]) same(content, weights, choice);
  });
});

test('stochastic weight averaging: the count of averages is no weight', () => {
  const weights = prefixed('module.');
  const content = new Map([...weights, ['n_averaged', tensor()]]);
  same(content, weights);
});

describe('two networks side by side', () => {
  const small = network();
  const large = network('resnet20');
  const named = (choices: readonly (readonly [string, Dict])[], content: unknown) => {
    for (const [choice, wanted] of choices) same(content, wanted, choice);
  };

  test('in dicts of their own', () => {
    const content = dict({ student: small, teacher: large, optimizer });
    expect(() => choose(content)).toThrow(
      'it holds several networks, and --state-dict=NAME must choose one: student (47 tensors, 78389 numbers), teacher (107 tensors, ',
    );
    named(
      [
        ['student', small],
        ['teacher', large],
        ['teacher.', large],
      ],
      content,
    );
  });

  test('in one dict, by prefix', () => {
    const both = new Map([...network('resnet8', (n) => `student.${n}`), ...network('resnet20', (n) => `teacher.${n}`)]);
    const of = (prefix: string) => new Map([...both].filter(([name]) => name.startsWith(prefix)));
    const content = dict({ state_dict: both });
    expect(() => choose(content)).toThrow('state_dict.student (47 tensors, 78389 numbers), state_dict.teacher (107');
    for (const front of ['', 'state_dict.']) {
      named(
        [
          [`${front}student`, of('student.')],
          [`${front}teacher.`, of('teacher.')],
        ],
        content,
      );
    }
    expect(() => choose(content, 'assistant')).toThrow(
      'it has no tensors called assistant; there are state_dict.student (47 tensors',
    );
  });

  test('MoCo: the encoder that is trained, not the one that follows it, nor the queue', () => {
    const both = new Map([...prefixed('module.encoder_q.'), ...prefixed('module.encoder_k.')]);
    both.set('module.queue', tensor(128, 4)).set('module.queue_ptr', tensor(1));
    const wanted = new Map([...both].filter(([name]) => name.startsWith('module.encoder_q.')));
    const content = dict({ epoch: 1, arch: 'resnet8', state_dict: both, optimizer });
    same(content, wanted);
    expect(choose(content).notes[0]).toMatch('beside it is state_dict.encoder_k (47 tensors');
    same(content, new Map([...both].filter(([name]) => name.startsWith('module.encoder_k.'))), 'encoder_k');
  });

  test('losses and metrics with buffers are left out, and named', () => {
    const weights = prefixed('model.');
    const content = new Map([...weights, ['criterion.weight', tensor(5)], ['train_acc.total', tensor()]]);
    same(content, weights);
    expect(choose(content).notes).toEqual(['leaves out criterion.weight, train_acc.total, which only trainings use']);
  });

  test('other tensors are kept, so that they are refused by name', () => {
    const content = new Map([...prefixed('model.'), ['normalize.mean', tensor(3)]]);
    expect(choose(content).tensors.has('normalize.mean')).toBe(true);
    expect(choose(content, 'model').tensors.has('normalize.mean')).toBe(false);
  });
});

describe("HeadSharingKD's TH-KD: a student with its teacher's head", () => {
  const student = prefixed('model_s.');
  const head = { 't_head.weight': tensor(5, 64), 't_head.bias': tensor(5) };
  const content = dict({ epoch: 240, model: new Map([...student, ...Object.entries(head)]), best_acc: tensor() });

  test('is the student, and a line names the head', () => {
    same(content, student);
    expect(choose(content).notes).toEqual([
      "leaves out t_head, its teacher's classifier; --state-dict=t_head reads the network under it",
    ]);
    same(content, student, 'model_s');
    same(content, student, 'model.model_s');
  });

  test('is read under the head where that is chosen', () => {
    const { tensors, notes } = choose(content, 't_head');
    expect(tensors.get('model_s.head.weight')).toBe(head['t_head.weight']);
    expect(tensors.get('model_s.head.bias')).toBe(head['t_head.bias']);
    expect([...tensors.keys()].some((name) => name.includes('fc.'))).toBe(false);
    expect(tensors.size).toBe(student.size);
    expect(notes.at(-1)).toBe('its classifier is model.t_head');
  });
});

test('dicts that hold no network that is known are still chosen by name', () => {
  const content = dict({ a: dict({ weight: tensor(2) }), b: dict({ weight: tensor(3) }) });
  expect(() => choose(content)).toThrow('must choose one: a (1 tensors, 2 numbers), b (1 tensors, 3 numbers)');
  expect(choose(content, 'b').tensors.get('weight')?.shape).toEqual([3]);
  expect(() => choose(dict({}))).toThrow('it holds no dict of tensors');
});

describe('every network that a message lists can be chosen by the listed name', () => {
  const plain = network();
  const other = network('resnet20');
  const files: Readonly<Record<string, () => unknown>> = {
    'plain names and a prefix': () => new Map([...plain, ...network('resnet20', (n) => `second.${n}`)]),
    'plain names and wrapped ones': () => new Map([...plain, ...network('resnet8', (n) => `module.${n}`)]),
    'plain names and a dict': () => new Map<string, unknown>([...plain, ['second', other]]),
    'a prefix within another': () =>
      dict({ state_dict: new Map([...prefixed('net.'), ...network('resnet20', (n) => `net.second.${n}`)]) }),
    'names with spaces': () => dict({ 'my net': plain, 'your net': other }),
    'names with dots at their ends': () => dict({ 'a.': plain, b: other }),
    'names with control characters': () => dict({ 'a\u0007': plain, b: other }),
    'names that are wrappers': () => dict({ module: plain, _orig_mod: other }),
    'long names': () => dict({ ['a'.repeat(90)]: plain, b: other }),
    'names of the top': () => dict({ top: plain, model: other }),
    'a list': () => [plain, other],
    'three prefixes': () => new Map([...plain, ...prefixed('a.'), ...prefixed('module.b.')]),
  };
  test.each(Object.entries(files))('%s', (_, make) => {
    const content = make();
    let message = '';
    try {
      choose(content);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch('must choose one: ');
    const list = message.replace(/^.*must choose one: /, '').replace(/\.$/, '');
    const names = [...list.matchAll(/(?:^|, )(.+?) \((\d+) tensors, (\d+) numbers\)/g)];
    expect(names.length).toBeGreaterThan(1);
    for (const [, name = '', , numbers] of names) {
      const counted = [...choose(content, name).tensors.values()].filter(({ shape }) => shape.length > 0);
      expect(`${counted.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)}`).toBe(numbers);
    }
  });

  test.each(['', 'module.'])('names that start with "%s" beside ema.*: the weights, and a line about ema', (prefix) => {
    const [weights, ema] = [prefixed(prefix), prefixed('ema.')];
    const content = new Map([...weights, ...ema]);
    same(content, weights);
    expect(choose(content).notes[0]).toMatch(
      'reads top (47 tensors, 78389 numbers); beside it is ema (47 tensors, 78389 numbers), which --state-dict=ema reads',
    );
    for (const choice of ['module', 'model', 'top', '.']) same(content, weights, choice);
    same(content, ema, 'ema');
  });
});

test.each(['exp_avg', 'exp_avg_sq', 'momentum_buffer', 'optimizer', 'd_optimizer'])(
  'what optimisers keep is no network: %s',
  (key) => {
    const weights = prefixed('');
    for (const content of [
      dict({ state_dict: weights, [key]: network() }),
      dict({ state_dict: new Map([...weights, ...prefixed(`${key}.`)]) }),
    ]) {
      same(content, weights);
      expect(choose(content).notes).toEqual([]);
      expect(() => choose(content, key)).toThrow(`it has no tensors called ${key}`);
    }
  },
);

test('what belongs to none of several networks is named', () => {
  const content = new Map([...prefixed('encoder_q.'), ...prefixed('encoder_k.'), ['queue', tensor(8, 4)]]);
  expect(choose(content).notes.at(-1)).toBe('leaves out queue: no network has them');
});

test("a teacher's head that the network's embeddings do not fit is not proposed, and refused by its own name", () => {
  const content = new Map([...prefixed('model_s.'), ['t_head.weight', tensor(5, 99)], ['t_head.bias', tensor(5)]]);
  expect(choose(content).notes).toEqual([
    "leaves out t_head, its teacher's classifier of embeddings of length 99, which this network does not give",
  ]);
  expect(() => choose(content, 't_head')).toThrow('t_head classifies embeddings of length 99, which its network');
});

test("a student, its teacher and the teacher's head: the error names the head, which goes on the student", () => {
  const teacher = network('resnet20', (name) => `model_t.${name}`);
  const head = tensor(5, 64);
  const content = new Map([...prefixed('model_s.'), ...teacher, ['t_head.weight', head], ['t_head.bias', tensor(5)]]);
  expect(() => choose(content)).toThrow("beside them is t_head, a teacher's classifier");
  expect([...choose(content, 't_head').tensors.values()]).toContain(head);
});

test('an average that is a list of tensors has no names, and a line says so', () => {
  const weights = network();
  const content = dict({ model: weights, ema: dict({ decay: 0.9, shadow_params: [...weights.values()] }) });
  same(content, weights);
  const list = 'ema.shadow_params is a list of tensors without names';
  expect(choose(content).notes).toEqual([`${list}, which no network can be read from`]);
  expect(() => choose(content, 'ema')).toThrow(list);
  expect(() => choose(dict({ ema: content.get('ema') }))).toThrow(`it holds no dict of tensors; ${list}`);
});
