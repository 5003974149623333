import { checkMethodOptions, withOwnMethodOptions } from './own-method-options';

const axes = (...methods: string[]) => [{ option: 'method', values: methods }];
const given = { methodOptions: ['negatives=64', 'crd.momentum=0.25'] };

test('each method of a sweep is given the hyperparameters that it has', () => {
  const of = (method: string) => withOwnMethodOptions({ method, seed: 3 }, given).methodOptions;
  expect(['kd', 'crd', 'crd-th-kd', 'crd:0.8+th-kd', 'sh-kd'].map(of)).toEqual([
    [],
    ['negatives=64', 'crd.momentum=0.25'],
    ['negatives=64'],
    ['negatives=64', 'crd.momentum=0.25'],
    [],
  ]);
});

test('values that are swept themselves are dealt in the same way, and nothing changes without either', () => {
  const swept = { method: 'kd', methodOptions: ['negatives=8'] };
  expect(withOwnMethodOptions(swept, {})).toEqual({ method: 'kd', methodOptions: [] });
  expect(withOwnMethodOptions({ ...swept, method: 'crd' }, given).methodOptions).toEqual(['negatives=8']);
  expect(withOwnMethodOptions({ method: 'kd' }, {})).toEqual({ method: 'kd' });
  expect(withOwnMethodOptions({ seed: 1 }, given)).toEqual({ seed: 1 });
});

test('a hyperparameter that no method of the sweep has is an error with the nearest name', () => {
  expect(() => checkMethodOptions(axes('kd', 'crd'), given)).not.toThrow();
  expect(() => checkMethodOptions(axes('kd', 'sh-kd'), given)).toThrow(
    "--method-options: 'negatives=64' sets no hyperparameter of kd; it has none",
  );
  expect(() => checkMethodOptions(axes('kd', 'crd'), { methodOptions: ['negative=64'] })).toThrow(
    "'negative=64' sets no hyperparameter of kd+crd; did you mean 'crd.negatives'?",
  );
  expect(() => checkMethodOptions(axes('sh-kd'), given)).toThrow(
    'sh-kd has none; its last stage takes --sh-method-options',
  );
  expect(() => checkMethodOptions([], given)).not.toThrow();
});
