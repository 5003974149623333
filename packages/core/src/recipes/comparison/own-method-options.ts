/** A sweep's methods have different hyperparameters: each training is given those that its own method has. */
import { parseHyper, parseMethods, setsHyperOf } from '../../distill/parse-method';
import type { Overrides } from '../../experiment/define';
import { flagName } from '../../experiment/option';
import type { Axis } from '../../experiment/sweep/axes';
import { UserError } from '../../system/user-error';

// SH-KD's last stage has --sh-method-options.
const methodsOf = (text: string) => (text === 'sh-kd' ? [] : parseMethods(text, '--methods').map((one) => one.method));

const isList = (value: unknown): value is readonly string[] => Array.isArray(value);

/** Options that name methods, and those that set the methods' hyperparameters. */
const pairs = [
  ['method', 'methodOptions'],
  ['shMethod', 'shMethodOptions'],
] as const;

/**
 * Checks hyperparameters given for a sweep over methods, or swept themselves.
 * @throws UserError for one that none of the methods has
 */
export function checkMethodOptions(axes: readonly Axis[], given: Overrides): void {
  const valuesOf = (wanted: string) => axes.find(({ option }) => option === wanted)?.values;
  for (const [method, hyper] of pairs) {
    const methods = valuesOf(method)?.map(String);
    const lists = valuesOf(hyper) ?? [given[hyper]];
    const assignments = lists.filter(isList).flat();
    if (methods === undefined || assignments.length === 0) continue;
    const all = [...new Set(methods.flatMap(methodsOf))];
    if (all.length === 0) {
      throw new UserError('--method-options: sh-kd has none; its last stage takes --sh-method-options');
    }
    for (const one of assignments) if (!setsHyperOf(all, one)) parseHyper([one], all, flagName(hyper));
  }
}

/** One combination of swept values, with those of the hyperparameters that its methods have. */
export function withOwnMethodOptions(values: Overrides, given: Overrides): Overrides {
  const own = pairs.flatMap(([option, hyper]) => {
    const [method, assignments] = [values[option], values[hyper] ?? given[hyper]];
    if (typeof method !== 'string' || !isList(assignments)) return [];
    const named = methodsOf(method);
    return [[hyper, assignments.filter((one) => setsHyperOf(named, one))] as const];
  });
  return { ...values, ...Object.fromEntries(own) };
}
