import { teacherAndStudent, temporaryPackage } from '../../test/temporary-package';
import { loadCatalog, locate } from './catalog';

/** The error of an experiment that cannot be used. */
const problemWith = (name: string, experiments: Readonly<Record<string, string>>): string | undefined =>
  loadCatalog(temporaryPackage(experiments).folder).broken.get(name)?.message;

const declare = (fields: string): string =>
  `export default defineExperiment({ summary: 'One', options: {}, run: async () => ({ metrics: {}, summary: '' }), ${fields} });`;

describe('loadCatalog', () => {
  it('lists experiments by the names of their files', () => {
    const catalog = loadCatalog(temporaryPackage(teacherAndStudent).folder);
    expect([...catalog.experiments.keys()]).toEqual(['student', 'teacher']);
    expect(catalog.package).toBe('demo');
  });

  it('loads the other experiments if a file throws', () => {
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
  ])('refuses %s', (source, sentence) => {
    expect(problemWith('one', { one: source })).toContain(sentence);
  });

  it('requires a needed experiment to have the same profiles, because Nx would run its default instead', () => {
    const student = `import teacher from './teacher'; ${declare('needs: { teacher }, profiles: { paper: {} }')}`;
    expect(problemWith('student', { teacher: teacherAndStudent.teacher, student })).toBe(
      "packages/demo/experiments/student.ts: 'student' has a profile 'paper' that 'teacher', which it needs, does not have",
    );
  });

  it('requires options of one name to be the same in all experiments', () => {
    const other = declare(`options: { epochs: integer({ default: 1, min: 0, help: '' }) }`);
    expect(problemWith('other', { ...teacherAndStudent, other })).toContain(
      "option 'epochs' must mean the same in every experiment of a package",
    );
  });
});

describe('locate', () => {
  it("finds an experiment's package and name", () => {
    expect(locate('/w/packages/face/experiments/distill.ts')).toEqual({
      root: '/w',
      package: 'face',
      name: 'distill',
      packageFolder: '/w/packages/face',
    });
  });

  it('refuses files outside experiments/', () => {
    expect(() => locate('src/distill.ts')).toThrow(
      'src/distill.ts is not an experiment: those are files packages/<package>/experiments/<name>.ts',
    );
  });
});
