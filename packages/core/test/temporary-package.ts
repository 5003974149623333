import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For tests: creates a workspace in a temporary folder with one package, `demo`, from the experiments' sources. */
export function temporaryPackage(experiments: Readonly<Record<string, string>>): { root: string; folder: string } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headshare-')));
  const folder = join(root, 'packages/demo');
  mkdirSync(join(folder, 'experiments'), { recursive: true });
  for (const [name, source] of Object.entries(experiments)) writeExperiment(folder, name, source);
  return { root, folder };
}

const runner = join(__dirname, '../src/experiment');

/** Writes `experiments/<name>.ts`, and adds the imports of the functions that it may use. */
function writeExperiment(folder: string, name: string, source: string): void {
  const imports = `import { defineExperiment } from '${runner}/define';
import { flag, integer, oneOf, optional, text } from '${runner}/option';
`;
  writeFileSync(join(folder, 'experiments', `${name}.ts`), imports + source);
}

/** Sources of a teacher, and of a student that needs it. */
export const teacherAndStudent = {
  teacher: `export default defineExperiment({
    summary: 'Train the teacher',
    options: { seed: integer({ default: 0, min: 0, help: 'of all randomness' }),
               teacherEpochs: integer({ default: 20, min: 1, help: 'passes over the data' }) },
    profiles: { smoke: { teacherEpochs: 2, epochs: 1 } },
    run: async ({ options }) => ({ metrics: { accuracy: options.teacherEpochs }, summary: 'teacher', seed: options.seed }),
  });`,
  student: `import teacher from './teacher';
  export default defineExperiment({
    summary: 'Train the student',
    needs: { teacher },
    options: { seed: integer({ default: 0, min: 0, help: 'of all randomness' }),
               epochs: integer({ default: 12, min: 1, help: 'passes over the data' }),
               method: oneOf(['none', 'kd', 'th-kd'], 'th-kd', { help: 'what it learns from' }),
               flipTest: flag({ help: 'embeds mirrored pictures too' }),
               init: optional(text({ help: 'a checkpoint to start from' })) },
    profiles: { smoke: { teacherEpochs: 2, epochs: 1 } },
    run: async ({ options, stage }) => {
      const { result } = await stage(teacher);
      return { metrics: { teacher: result.metrics.accuracy }, summary: 'student after ' + result.summary, options };
    },
  });`,
};
