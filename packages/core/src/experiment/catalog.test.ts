import { teacherAndStudent, temporaryPackage } from '../../test/temporary-package';
import { loadCatalog, locate } from './catalog';

/** The sentence on an experiment that cannot be used. */
const problemWith = (name: string, experiments: Readonly<Record<string, string>>): string | undefined =>
  loadCatalog(temporaryPackage(experiments).folder).broken.get(name)?.message;

const declare = (fields: string): string =>
  `export default defineExperiment({ summary: 'One', options: {}, run: async () => ({ metrics: {}, summary: '' }), ${fields} });`;

describe("a package's experiments", () => {
  it('are its files, by name', () => {
    const catalog = loadCatalog(temporaryPackage(teacherAndStudent).folder);
    expect([...catalog.experiments.keys()]).toEqual(['student', 'teacher']);
    expect(catalog.package).toBe('demo');
  });

  it('do not suffer for one that throws', () => {
    const { folder } = temporaryPackage({ ...teacherAndStudent, bad: `throw new Error('no such dataset');` });
    const catalog = loadCatalog(folder);
    expect([...catalog.experiments.keys()]).toEqual(['student', 'teacher']);
    expect(catalog.broken.get('bad')?.message).toBe('packages/demo/experiments/bad.ts cannot be used: no such dataset');
  });

  it.each([
    ['export const x = 1;', 'its default export is not a defineExperiment({...})'],
    [declare(`options: { Epochs: integer({ default: 1, help: '' }) }`), "option 'Epochs' must be camelCase"],
    [declare(`options: { profile: flag({ help: '' }) }`), "option 'profile' needs another name"],
    [declare(`options: { a: integer({ default: 0, min: 1, help: '' }) }`), "the default of 'a' must be a whole number"],
    [declare(`profiles: { 'a b': {} }`), "profile 'a b' must be lower case letters"],
    [declare(`profiles: { smoke: { epocs: 1 } }`), "profile 'smoke' sets 'epocs', which no experiment"],
    [declare(`needs: { teacher: undefined }`), 'needs.teacher is undefined; do two experiments import one another?'],
    [
      declare(`options: { a: integer({ default: 1, help: '' }) }, profiles: { smoke: { a: 1.5 } }`),
      "profile 'smoke': a must be a whole number, got 1.5",
    ],
  ])('cannot be declared as %s', (source, sentence) => {
    expect(problemWith('one', { one: source })).toContain(sentence);
  });

  it('must have the profiles of those that need them: Nx would run the default instead', () => {
    const student = `import teacher from './teacher'; ${declare('needs: { teacher }, profiles: { paper: {} }')}`;
    expect(problemWith('student', { teacher: teacherAndStudent.teacher, student })).toBe(
      "packages/demo/experiments/student.ts: 'student' has a profile 'paper' that 'teacher', which it needs, does not have",
    );
  });

  it('must mean the same by the same option', () => {
    const other = declare(`options: { epochs: integer({ default: 1, min: 0, help: '' }) }`);
    expect(problemWith('other', { ...teacherAndStudent, other })).toContain(
      "option 'epochs' must mean the same in every experiment of a package",
    );
  });
});

describe('an experiment file', () => {
  it('says which package and target it is', () => {
    expect(locate('/w/packages/face/experiments/distill.ts')).toEqual({
      root: '/w',
      package: 'face',
      name: 'distill',
      packageFolder: '/w/packages/face',
    });
  });

  it('must stand where experiments stand', () => {
    expect(() => locate('src/distill.ts')).toThrow(
      'src/distill.ts is not an experiment: those are files packages/<package>/experiments/<name>.ts',
    );
  });
});
