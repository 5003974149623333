import { teacherAndStudent, temporaryPackage } from '../../test/temporary-package';
import { readArguments } from './arguments';
import { type Catalog, loadCatalog } from './catalog';
import { resolveOptions } from './settings';

describe("an experiment's command line", () => {
  const catalog: Catalog = loadCatalog(temporaryPackage(teacherAndStudent).folder);
  const experiment = (name: string) => {
    const found = catalog.experiments.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  const given = (name: string, ...words: string[]) => readArguments(words, experiment(name), catalog, false).given;
  const strictly =
    (name: string, ...words: string[]) =>
    () =>
      readArguments(words, experiment(name), catalog, true);

  it('accepts camelCase and dashes, and the value after = or as the next word', () => {
    expect(given('student', '--epochs=3', '--teacher-epochs', '7')).toEqual({ epochs: 3, teacherEpochs: 7 });
    expect(given('student', '--teacherEpochs=7')).toEqual({ teacherEpochs: 7 });
  });

  it('accepts flags, negated flags and negated optional options', () => {
    expect(given('student', '--flip-test')).toEqual({ flipTest: true });
    expect(given('student', '--no-flip-test')).toEqual({ flipTest: false });
    expect(given('student', '--no-init')).toEqual({ init: undefined });
    expect(strictly('student', '--no-epochs')).toThrow('--no-epochs: --epochs cannot be absent');
  });

  it('overrides defaults by the profile, and the profile by the command line', () => {
    const settings = readArguments(['--profile=smoke', '--seed=3'], experiment('student'), catalog, true);
    expect(resolveOptions(experiment('student'), settings)).toMatchObject({ seed: 3, epochs: 1, method: 'th-kd' });
    expect(resolveOptions(experiment('teacher'), settings)).toEqual({ seed: 3, teacherEpochs: 2 });
  });

  it("lets the teacher ignore the student's options, which Nx forwards, but checks them", () => {
    expect(given('teacher', '--method=kd', '--seed=3')).toEqual({ method: 'kd', seed: 3 });
    expect(() => given('teacher', '--method=th-kdd')).toThrow("did you mean 'th-kd'?");
    expect(strictly('teacher', '--method=kd')).toThrow('this experiment has no option --method, only student has');
  });

  it.each([
    ['--epocs=3', 'unknown option --epocs; did you mean --epochs'],
    ['--epochs=-3', '--epochs must be a whole number of at least 1, got -3'],
    ['--epochs', '--epochs needs a value: a whole number of at least 1'],
    ['--profile', "--profile needs a value: a profile's name"],
    ['epochs=3', "'epochs=3' is not an option: write --name=value"],
    ['--constructor=3', 'unknown option --constructor'],
  ])('refuses %s: %s', (word, sentence) => {
    expect(strictly('student', word)).toThrow(sentence);
  });

  it('refuses an unknown profile', () => {
    const settings = { profile: 'smok', given: {} };
    expect(() => resolveOptions(experiment('student'), settings)).toThrow(
      "unknown profile 'smok'; did you mean 'smoke'? (valid: default, smoke)",
    );
  });
});
