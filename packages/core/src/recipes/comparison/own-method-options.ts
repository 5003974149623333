/** A sweep's methods have different hyperparameters: each training is given those that its own method has. */
import { parseHyper, parseMethods, setsHyperOf } from '../../distill/parse-method';
import type { Overrides } from '../../experiment/define';
import type { Axis } from '../../experiment/sweep/axes';
import { UserError } from '../../system/user-error';

// SH-KD's last stage has --sh-method-options.
const methodsOf = (text: string) => (text === 'sh-kd' ? [] : parseMethods(text, '--methods').map((one) => one.method));

const isList = (value: unknown): value is readonly string[] => Array.isArray(value);

/**
 * Checks hyperparameters given for a sweep over methods.
 * @throws UserError for one that none of the methods has
 */
export function checkMethodOptions(axes: readonly Axis[], { methodOptions }: Overrides): void {
  const methods = axes.find(({ option }) => option === 'method')?.values.map(String);
  if (methods === undefined || !isList(methodOptions)) return;
  const all = [...new Set(methods.flatMap(methodsOf))];
  if (all.length === 0 && methodOptions.length > 0) {
    throw new UserError('--method-options: sh-kd has none; its last stage takes --sh-method-options');
  }
  for (const one of methodOptions) if (!setsHyperOf(all, one)) parseHyper([one], all, '--method-options');
}

/** One combination of swept values, with those of the hyperparameters that its method has. */
export function withOwnMethodOptions(values: Overrides, given: Overrides): Overrides {
  const { method, methodOptions = given.methodOptions } = values;
  if (typeof method !== 'string' || !isList(methodOptions)) return values;
  const own = methodsOf(method);
  return { ...values, methodOptions: methodOptions.filter((one) => setsHyperOf(own, one)) };
}
