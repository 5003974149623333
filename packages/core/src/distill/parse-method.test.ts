import fc from 'fast-check';
import { Scope } from '../nn/scope';
import { State } from '../runtime/state';
import { UserError } from '../system/user-error';
import type { ChosenMethod } from './combine-methods';
import { isInRange } from './hyper-range';
import type { MethodContext, MethodSettings } from './method';
import { type MethodChoice, parseHyper, parseMethod, parseMethods } from './parse-method';
import { methods } from './registry';

const parse = (text: string, more: Omit<MethodChoice, 'methods'> = {}): ChosenMethod =>
  parseMethod({ methods: text, ...more });

/** The settings that each method of a sum is built with, by the method's name. */
function settingsOf(chosen: ChosenMethod): Readonly<Record<string, MethodSettings>> {
  const found: Record<string, MethodSettings> = {};
  const spies = methods.all.map((method) =>
    jest.spyOn(method, 'build').mockImplementation((_, settings) => {
      found[method.name] = settings;
      return { terms: () => ({}) };
    }),
  );
  chosen.build(context(new State()));
  for (const spy of spies) spy.mockRestore();
  return found;
}

function context(state: State): MethodContext {
  const map = (side: number, channels: number) => ({ height: side, width: side, channels });
  const shape = { features: [map(8, 4), map(8, 4), map(4, 8), map(2, 16)], embeddingSize: 16 };
  return {
    scope: Scope.root(state, 'method', 1),
    student: shape,
    teacher: shape,
    labels: Int32Array.of(0, 1),
    classes: 2,
  };
}

const published = (name: string) => methods.named(name).defaults;

describe('one method', () => {
  test.each(methods.all.map(({ name }) => name))('%s has its published settings', (name) => {
    const chosen = parse(name);
    expect([chosen.name, chosen.settings]).toEqual([name, published(name)]);
    expect(settingsOf(chosen)).toEqual({ [name]: published(name) });
  });

  test('is found by its aliases, and its name stays the same', () => {
    expect(parse('kdth').name).toBe('th-kd');
    expect(parse(' hint ').name).toBe('fitnet');
  });

  test('the weight after the colon is beta, or alpha for kd', () => {
    expect(settingsOf(parse('crd:0.5')).crd).toEqual({ ...published('crd'), beta: 0.5 });
    expect(parse('kd:0.5').settings).toEqual({ ...published('kd'), alpha: 0.5 });
    expect(settingsOf(parse('at:0')).at?.beta).toBe(0);
  });
});

describe('a sum', () => {
  test('has cross-entropy with weight 1, no KD, and each method with its weight', () => {
    const chosen = parse('crd:0.5 + at');
    expect(chosen.name).toBe('crd+at');
    expect([...chosen.needs].sort()).toEqual(['embedding', 'features', 'indices', 'randomness']);
    expect(chosen.settings).toMatchObject({ gamma: 1, alpha: 0 });
    const { crd, at } = settingsOf(chosen);
    expect(crd).toMatchObject({ gamma: 1, alpha: 0, beta: 0.5 });
    expect(at).toMatchObject({ gamma: 1, alpha: 0, beta: 1000 });
  });

  test('includes KD if kd is one of the methods, with the published or the given weight', () => {
    expect(parse('crd+kd').settings).toMatchObject({ gamma: 1, alpha: published('kd').alpha });
    expect(parse('kd:0.3+crd').settings).toMatchObject({ gamma: 1, alpha: 0.3 });
    expect(settingsOf(parse('crd+kd:0.3')).crd).toMatchObject({ alpha: 0.3, beta: published('crd').beta });
  });

  test('takes given gamma and alpha', () => {
    expect(parse('crd+kd:0.3', { given: { gamma: 0.7, alpha: 2 } }).settings).toMatchObject({ gamma: 0.7, alpha: 2 });
    expect(parse('crd+at', { given: { alpha: 2 } }).settings).toMatchObject({ gamma: 1, alpha: 2 });
  });
});

describe('options come first, then the weight, then defaults of the task, then published values', () => {
  const methodDefaults = { crd: { gamma: 0.2, alpha: 0.3, beta: 0.4, temperature: 5, hyper: { negatives: 64 } } };
  const crd = (text: string, more: Omit<MethodChoice, 'methods'>) =>
    settingsOf(parse(text, { methodDefaults, ...more })).crd;

  test('defaults of the task', () => {
    expect(crd('crd', {})).toEqual({
      ...published('crd'),
      gamma: 0.2,
      alpha: 0.3,
      beta: 0.4,
      temperature: 5,
      hyper: { ...published('crd').hyper, negatives: 64 },
    });
    expect(settingsOf(parse('at', { methodDefaults })).at).toEqual(published('at'));
  });

  test('given options', () => {
    const given = { gamma: 0.9, alpha: undefined, beta: undefined, temperature: 3 };
    expect(crd('crd', { given })).toMatchObject({ gamma: 0.9, alpha: 0.3, beta: 0.4, temperature: 3 });
    expect(crd('crd', { given: { beta: 7 } })?.beta).toBe(7);
  });

  test("a sum uses the task's weights for the methods' own terms, not the task's gamma and alpha", () => {
    expect(crd('crd+at', {})).toMatchObject({ gamma: 1, alpha: 0, beta: 0.4, temperature: 5 });
    expect(crd('crd:0.6+at', {})?.beta).toBe(0.6);
  });

  test('hyperparameters', () => {
    expect(crd('crd', { hyper: ['dimension=32', 'negatives=8'] })?.hyper).toEqual({
      ...published('crd').hyper,
      dimension: 32,
      negatives: 8,
    });
    expect(crd('crd', { hyper: ['negatives=8', 'negatives=9'] })?.hyper.negatives).toBe(9);
  });
});

describe('hyperparameters', () => {
  const chosen = (...names: string[]) => names.map((name) => methods.named(name));
  const read = (assignments: readonly string[], ...names: string[]) =>
    Object.fromEntries(parseHyper(assignments, chosen(...names), '--method-options'));

  test("are set by name, by method and name, and by the method's alias", () => {
    expect(read(['negatives=8', 'layer=1'], 'crd', 'fitnet')).toEqual({ crd: { negatives: 8 }, fitnet: { layer: 1 } });
    expect(read(['crd.dimension=8', 'correlation.dimension=4'], 'crd', 'cc')).toEqual({
      crd: { dimension: 8 },
      cc: { dimension: 4 },
    });
    expect(read(['temperature=1e-1', 'momentum=.25'], 'crd')).toEqual({ crd: { temperature: 0.1, momentum: 0.25 } });
  });

  test.each([
    ['scores=0.5', 'crd', { temperature: 0.5 }],
    ['crd.scores=0.5', 'crd', { temperature: 0.5 }],
    ['target=2', 'dkd', { alpha: 2 }],
    ['others=3', 'dkd', { beta: 3 }],
    ['least=0.1', 'margin-distillation', { mMin: 0.1 }],
    ['most=0.4', 'margin-distillation', { mMax: 0.4 }],
  ])('%s of %s still sets %p', (assignment, name, hyper) => {
    expect(read([assignment], name)).toEqual({ [name]: hyper });
  });

  test.each([
    [['dimension=8'], ['crd', 'cc'], 'crd and cc both have dimension; write crd.dimension=8'],
    [['negative=8'], ['crd'], "'negative=8' sets no hyperparameter of crd; did you mean 'crd.negatives'?"],
    [['cc.dimension=8'], ['crd'], "'cc.dimension=8' sets no hyperparameter of crd; did you mean 'crd.dimension'?"],
    [['negatives=8'], ['at', 'kd'], "'negatives=8' sets no hyperparameter of at+kd; it has none"],
    [['negatives=many'], ['crd'], "negatives must be a number, got 'many'"],
    [['negatives=Infinity'], ['crd'], "negatives must be a number, got 'Infinity'"],
    [['negatives= '], ['crd'], "negatives must be a number, got ' '"],
    [['negatives'], ['crd'], "'negatives' must be a name, an equals sign and a number, such as negatives=1024"],
    [['negatives='], ['crd'], "'negatives=' must be a name, an equals sign and a number"],
    [['constructor=1'], ['crd'], "'constructor=1' sets no hyperparameter of crd"],
    [['temperature=0'], ['crd'], 'temperature of crd must be a number above 0, got 0'],
    [['scores=-1'], ['crd-th-kd'], 'scores of crd-th-kd must be a number above 0, got -1'],
    [['negatives=2.5'], ['crd'], 'negatives of crd must be a whole number of at least 1, got 2.5'],
    [['momentum=1.5'], ['crd'], 'momentum of crd must be a number of at least 0 and at most 1, got 1.5'],
    [['alpha=-1'], ['dkd'], 'alpha of dkd must be a number of at least 0, got -1'],
    [['epochs=1.5'], ['ft'], 'epochs of ft must be a whole number of at least 0, got 1.5'],
  ])('%p of %p is refused', (assignments, names, sentence) => {
    const run = () => read(assignments, ...names);
    expect(run).toThrow(UserError);
    expect(run).toThrow(`--method-options: ${sentence}`);
  });
});

test('published hyperparameters are within their ranges, which name no others', () => {
  for (const { defaults, hyperRanges } of methods.all) {
    for (const [name, value] of Object.entries(defaults.hyper))
      expect(isInRange(value, hyperRanges[name] ?? {})).toBe(true);
    expect(Object.keys(defaults.hyper)).toEqual(expect.arrayContaining(Object.keys(hyperRanges)));
  }
});

describe('invalid text is refused with a correction', () => {
  test.each([
    ['crdd', "--method: unknown method 'crdd'; did you mean 'crd'?"],
    ['crd+', "--method: unknown method ''"],
    ['', "--method: unknown method ''"],
    ['CRD', "--method: unknown method 'CRD'"],
    ['constructor', "--method: unknown method 'constructor'"],
    ['crd:', "--method: 'crd:' must be a method, a colon and a weight of at least 0, such as crd:0.5"],
    ['crd:-1', "--method: 'crd:-1' must be a method, a colon and a weight of at least 0, such as crd:0.5"],
    ['crd:NaN', "--method: 'crd:NaN' must be a method, a colon and a weight"],
    ['crd:1:2', "--method: 'crd:1:2' must be a method, a colon and a weight"],
    ['crd+at+crd:2', '--method: crd is given twice; give it once, with one weight'],
    ['th-kd+kdth', '--method: th-kd is given twice; give it once, with one weight'],
  ])("'%s'", (text, sentence) => {
    expect(() => parse(text)).toThrow(UserError);
    expect(() => parse(text)).toThrow(sentence);
  });

  test('an error lists further valid names', () => {
    expect(() => parseMethods('sh-kdd', '--methods', ['sh-kd'])).toThrow(
      "--methods: unknown method 'sh-kdd'; did you mean 'sh-kd'?",
    );
  });

  test('--beta in a sum is ambiguous', () => {
    expect(() => parse('crd+at', { given: { beta: 1 } })).toThrow(
      '--beta could mean any method of crd+at; give each its own weight: --method=crd:0.8+at:1000',
    );
    expect(() => parse('crd', { given: { beta: 1 } })).not.toThrow();
  });

  test('two methods that both pretrain', () => {
    const build = (text: string) => {
      const state = new State();
      try {
        parse(text, { hyper: text.includes('ft') ? ['ab.epochs=1', 'ft.epochs=1'] : [] }).build(context(state));
      } finally {
        state.dispose();
      }
    };
    expect(() => build('ab+ft')).toThrow('ab+ft: two of these methods set the pretraining; only one can.');
    expect(() => build('ab+fsp')).toThrow('two of these methods set the pretraining');
    expect(() => parse('ab+ft', { hyper: ['epochs=1'] })).toThrow('ab and ft both have epochs; write ab.epochs=1');
    expect(() => build('ab+crd')).not.toThrow();
  });
});

test('any text is either a valid method or a UserError', () => {
  const known = fc.constantFrom(...methods.names);
  const name = fc.oneof({ weight: 9, arbitrary: known }, fc.constantFrom('crdd', '', '__proto__', 'constructor'));
  const weight = fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    { weight: 4, arbitrary: fc.double({ min: 0, max: 9, noNaN: true }).map((value) => `:${value}`) },
    fc.string().map((s) => `:${s}`),
  );
  const sum = fc
    .array(fc.tuple(name, weight), { maxLength: 4 })
    .map((parts) => parts.map((one) => one.join('')).join('+'));
  const key = fc.constantFrom(...new Set(methods.all.flatMap(({ defaults }) => Object.keys(defaults.hyper))), 'x');
  const assignment = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.option(name, { nil: undefined }), key, fc.oneof(fc.double(), fc.string()))
      .map(([owner, own, value]) => `${owner === undefined ? '' : `${owner}.`}${own}=${value}`),
  );
  const number = fc.option(fc.double({ min: 0, max: 10, noNaN: true }), { nil: undefined });
  let parsed = 0;
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), sum, sum),
      fc.oneof(fc.constant([]), fc.array(assignment, { maxLength: 2 })),
      fc.record({ gamma: number, alpha: number, beta: fc.oneof(fc.constant(undefined), number) }),
      (text, hyper, given) => {
        try {
          const chosen = parse(text, { hyper, given });
          const { gamma, alpha, hyper: own } = chosen.settings;
          expect([gamma, alpha, ...Object.values(own)].every(Number.isFinite)).toBe(true);
          expect(chosen.name.split('+').every((one) => methods.all.some((method) => method.name === one))).toBe(true);
          parsed++;
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.message).not.toBe('');
        }
      },
    ),
    { seed: 1, numRuns: 2000 },
  );
  // Enough of the texts are valid.
  expect(parsed).toBeGreaterThan(100);
});
