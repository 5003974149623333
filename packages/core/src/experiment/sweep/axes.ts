import { UserError } from '../../system/user-error';
import { nearestFlags, optionsOf } from '../arguments';
import type { Overrides, Stage } from '../define';
import { flagName, type Options } from '../option';

/** An option, in camelCase, and the values that a sweep gives it. */
export interface Axis {
  readonly option: string;
  readonly values: readonly unknown[];
}

/** The options of a sweep that name axes. */
export interface AxisOptions {
  /** `option=value,value`; the values of an option that is a list itself are separated by slashes. */
  readonly sweep: readonly string[];
  readonly methods?: readonly string[];
  readonly students?: readonly string[];
  readonly teachers?: readonly string[];
}

/**
 * The axes of a sweep over an experiment, methods first. @param name the experiment's, for errors
 * @throws UserError for an option that the experiment does not read, a value it does not take, an option swept twice
 */
export function axesOf(words: AxisOptions, experiment: Stage, name: string): readonly Axis[] {
  const options = optionsOf([experiment]);
  const listed = (['method', 'student', 'teacher'] as const).flatMap((option): Axis[] => {
    const values = words[`${option}s`];
    if (values === undefined) return [];
    if (Object.hasOwn(options, option)) return [{ option, values: unique(values) }];
    throw new UserError(`--${option}s: ${name} reads no --${option}; leave it out, or choose another --experiment`);
  });
  const axes = [...listed, ...words.sweep.map((text) => parseAxis(text, options, name))];
  const twice = axes.find(({ option }, i) => axes.findIndex((other) => other.option === option) < i);
  if (twice) throw new UserError(`--sweep: ${flagName(twice.option)} is swept twice; name all its values at one place`);
  return axes;
}

function parseAxis(text: string, options: Options, name: string): Axis {
  const [, word = '', list = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (word === '' || list === '') throw new UserError(`--sweep must be option=value,value, got '${text}'`);
  const names = Object.keys(options);
  const option = names.find((one) => one === word || flagName(one) === `--${word}`);
  if (option === 'seed') throw new UserError('--sweep: seeds are counted by --seeds, from --seed on');
  const declared = option === undefined ? undefined : options[option];
  if (option === undefined || declared === undefined) {
    throw new UserError(`--sweep: ${name} reads no option --${word}; did you mean ${nearestFlags(word, options, 1)}?`);
  }
  const separator = declared.kind === 'list' ? '/' : ',';
  const values = list.split(separator).map((value) => declared.parse(value.trim(), `--sweep: ${flagName(option)}`));
  return { option, values: unique(values) };
}

/** All combinations of the axes' values, the last axis changing fastest; one empty combination without axes. */
export function combinations(axes: readonly Axis[]): readonly Overrides[] {
  return axes.reduce<readonly Overrides[]>(
    (all, { option, values }) => all.flatMap((one) => values.map((value) => ({ ...one, [option]: value }))),
    [{}],
  );
}

const unique = (values: readonly unknown[]): readonly unknown[] => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
];
