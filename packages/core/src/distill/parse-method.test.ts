import fc from 'fast-check';
import { Scope } from '../nn/scope';
import { State } from '../runtime/state';
import { UserError } from '../system/user-error';
import type { ChosenMethod } from './combine-methods';
import type { MethodContext, MethodSettings } from './method';
import { type MethodChoice, parseHyper, parseMethod, parseMethods } from './parse-method';
import { methods } from './registry';

const parse = (text: string, more: Omit<MethodChoice, 'methods'> = {}): ChosenMethod =>
  parseMethod({ methods: text, ...more });

/** What each member's criterion is made with, by the method's name. */
function settingsOf(objective: ChosenMethod): Readonly<Record<string, MethodSettings>> {
  const found: Record<string, MethodSettings> = {};
  const spies = methods.all.map((method) =>
    jest.spyOn(method, 'build').mockImplementation((_, settings) => {
      found[method.name] = settings;
      return { terms: () => ({}) };
    }),
  );
  objective.build(context(new State()));
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
    const objective = parse(name);
    expect([objective.name, objective.settings]).toEqual([name, published(name)]);
    expect(settingsOf(objective)).toEqual({ [name]: published(name) });
  });

  test('answers to its other names, and is called by its own', () => {
    expect(parse('kdth').name).toBe('th-kd');
    expect(parse(' hint ').name).toBe('fitnet');
  });

  test('has the weight behind its colon: of its own term, which for kd is alpha', () => {
    expect(settingsOf(parse('crd:0.5')).crd).toEqual({ ...published('crd'), beta: 0.5 });
    expect(parse('kd:0.5').settings).toEqual({ ...published('kd'), alpha: 0.5 });
    expect(settingsOf(parse('at:0')).at?.beta).toBe(0);
  });
});

describe('a sum', () => {
  test('is cross-entropy of weight 1, no KD, and each method by its weight', () => {
    const objective = parse('crd:0.5 + at');
    expect(objective.name).toBe('crd+at');
    expect([...objective.needs].sort()).toEqual(['embedding', 'features', 'indices', 'randomness']);
    expect(objective.settings).toMatchObject({ gamma: 1, alpha: 0 });
    const { crd, at } = settingsOf(objective);
    expect(crd).toMatchObject({ gamma: 1, alpha: 0, beta: 0.5 });
    expect(at).toMatchObject({ gamma: 1, alpha: 0, beta: 1000 });
  });

  test('has the KD of the kd that is in it, published or weighed', () => {
    expect(parse('crd+kd').settings).toMatchObject({ gamma: 1, alpha: published('kd').alpha });
    expect(parse('kd:0.3+crd').settings).toMatchObject({ gamma: 1, alpha: 0.3 });
    expect(settingsOf(parse('crd+kd:0.3')).crd).toMatchObject({ alpha: 0.3, beta: published('crd').beta });
  });

  test('has gamma and alpha that are given', () => {
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

  test('what is given, where it is', () => {
    const given = { gamma: 0.9, alpha: undefined, beta: undefined, temperature: 3 };
    expect(crd('crd', { given })).toMatchObject({ gamma: 0.9, alpha: 0.3, beta: 0.4, temperature: 3 });
    expect(crd('crd', { given: { beta: 7 } })?.beta).toBe(7);
  });

  test("a sum takes the task's weights of the methods' own terms, not its gamma and alpha", () => {
    expect(crd('crd+at', {})).toMatchObject({ gamma: 1, alpha: 0, beta: 0.4, temperature: 5 });
    expect(crd('crd:0.6+at', {})?.beta).toBe(0.6);
  });

  test("the method's own numbers", () => {
    expect(crd('crd', { hyper: ['dimension=32', 'negatives=8'] })?.hyper).toEqual({
      ...published('crd').hyper,
      dimension: 32,
      negatives: 8,
    });
    expect(crd('crd', { hyper: ['negatives=8', 'negatives=9'] })?.hyper.negatives).toBe(9);
  });
});

describe("methods' own numbers", () => {
  const chosen = (...names: string[]) => names.map((name) => methods.named(name));
  const read = (assignments: readonly string[], ...names: string[]) =>
    Object.fromEntries(parseHyper(assignments, chosen(...names), '--method-options'));

  test('by name, by the method, and by its other name', () => {
    expect(read(['negatives=8', 'layer=1'], 'crd', 'fitnet')).toEqual({ crd: { negatives: 8 }, fitnet: { layer: 1 } });
    expect(read(['crd.dimension=8', 'correlation.dimension=4'], 'crd', 'cc')).toEqual({
      crd: { dimension: 8 },
      cc: { dimension: 4 },
    });
    expect(read(['scores=1e-1', 'momentum=-0.5'], 'crd')).toEqual({ crd: { scores: 0.1, momentum: -0.5 } });
  });

  test.each([
    [['dimension=8'], ['crd', 'cc'], 'dimension is a number of crd and cc; write crd.dimension=8'],
    [['negative=8'], ['crd'], "'negative=8' sets no number of crd; did you mean 'crd.negatives'?"],
    [['cc.dimension=8'], ['crd'], "'cc.dimension=8' sets no number of crd; did you mean 'crd.dimension'?"],
    [['negatives=8'], ['at', 'kd'], "'negatives=8' sets no number of at+kd; there is none"],
    [['negatives=many'], ['crd'], "negatives must be a number, got 'many'"],
    [['negatives=Infinity'], ['crd'], "negatives must be a number, got 'Infinity'"],
    [['negatives= '], ['crd'], "negatives must be a number, got ' '"],
    [['negatives'], ['crd'], "'negatives' sets no number of crd"],
    [['constructor=1'], ['crd'], "'constructor=1' sets no number of crd"],
  ])('%p of %p is refused', (assignments, names, sentence) => {
    const run = () => read(assignments, ...names);
    expect(run).toThrow(UserError);
    expect(run).toThrow(`--method-options: ${sentence}`);
  });
});

describe('what does not read is refused with what would', () => {
  test.each([
    ['crdd', "--method: unknown method 'crdd'; did you mean 'crd'?"],
    ['crd+', "--method: unknown method ''"],
    ['', "--method: unknown method ''"],
    ['CRD', "--method: unknown method 'CRD'"],
    ['constructor', "--method: unknown method 'constructor'"],
    ['crd:', "--method: 'crd:' must be a method, a colon and its weight of at least 0: crd:0.5"],
    ['crd:-1', "--method: 'crd:-1' must be a method, a colon and its weight of at least 0: crd:0.5"],
    ['crd:NaN', "--method: 'crd:NaN' must be a method, a colon and its weight"],
    ['crd:1:2', "--method: 'crd:1:2' must be a method, a colon and its weight"],
    ['crd+at+crd:2', '--method: crd is in it twice; give it once, with one weight'],
    ['th-kd+kdth', '--method: th-kd is in it twice; give it once, with one weight'],
  ])("'%s'", (text, sentence) => {
    expect(() => parse(text)).toThrow(UserError);
    expect(() => parse(text)).toThrow(sentence);
  });

  test('an error lists what else may stand there', () => {
    expect(() => parseMethods('sh-kdd', '--methods', ['sh-kd'])).toThrow(
      "--methods: unknown method 'sh-kdd'; did you mean 'sh-kd'?",
    );
  });

  test('--beta in a sum, which could be any of theirs', () => {
    expect(() => parse('crd+at', { given: { beta: 1 } })).toThrow(
      "--beta could be any method's in crd+at; give each its own: --method=crd:0.8+at:1000",
    );
    expect(() => parse('crd', { given: { beta: 1 } })).not.toThrow();
  });

  test('two methods that both come before training', () => {
    const build = (text: string) => {
      const state = new State();
      try {
        parse(text, { hyper: text.includes('ft') ? ['ab.epochs=1', 'ft.epochs=1'] : [] }).build(context(state));
      } finally {
        state.dispose();
      }
    };
    expect(() => build('ab+ft')).toThrow(
      'ab+ft: two of its methods determine what comes before training; only one can.',
    );
    expect(() => build('ab+fsp')).toThrow('two of its methods determine what comes before training');
    expect(() => parse('ab+ft', { hyper: ['epochs=1'] })).toThrow('epochs is a number of ab and ft; write ab.epochs=1');
    expect(() => build('ab+crd')).not.toThrow();
  });
});

test('whatever is written, it is an objective or an error for whoever wrote it', () => {
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
  let objectives = 0;
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), sum, sum),
      fc.oneof(fc.constant([]), fc.array(assignment, { maxLength: 2 })),
      fc.record({ gamma: number, alpha: number, beta: fc.oneof(fc.constant(undefined), number) }),
      (text, hyper, given) => {
        try {
          const objective = parse(text, { hyper, given });
          const { gamma, alpha, hyper: own } = objective.settings;
          expect([gamma, alpha, ...Object.values(own)].every(Number.isFinite)).toBe(true);
          expect(objective.name.split('+').every((one) => methods.all.some((method) => method.name === one))).toBe(
            true,
          );
          objectives++;
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.message).not.toBe('');
        }
      },
    ),
    { seed: 1, numRuns: 2000 },
  );
  // Not errors alone.
  expect(objectives).toBeGreaterThan(100);
});
