/** Every TypeScript snippet of the documentation, and every file that a generator writes, compiles as it stands. */
import { join, relative } from 'node:path';
import ts from 'typescript';
import { codeBlocks, readPages, repository } from './pages';
import { generatedFiles } from './sections';

/** The snippets of the pages by file. A snippet may name its file in its first line, for its relative imports. */
const snippets = readPages().flatMap(({ path, text }) =>
  codeBlocks(text)
    .filter(({ language }) => language === 'ts')
    .map(({ text: code, line }): [string, string] => {
      const [, named] = /^\/\/ (packages\/\S+\.ts)/.exec(code) ?? [];
      return [named ?? `tools/src/docs/${path.replace(/\W/g, '-')}-${line}.ts`, code];
    }),
);

/** The type errors of files that need not exist, one sentence each. */
function typeErrors(files: Readonly<Record<string, string>>): readonly string[] {
  const sources = new Map(Object.entries(files).map(([path, text]) => [join(repository, path), text]));
  const { config } = ts.readConfigFile(join(repository, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists.call(host, file);
  host.readFile = (file) => sources.get(file) ?? readFile.call(host, file);
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources.keys()].flatMap((file) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => `${relative(repository, file)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
  );
}

test('snippets and generated files compile', () => {
  const { 'learned-method': learned, ...others } = generatedFiles;
  // Both methods have the same name here, and a page shows either.
  const files = Object.assign({}, ...Object.values(others));
  const moved = Object.fromEntries(
    Object.entries(learned ?? {}).map(([path, text]) => [path.replace('my-own', 'learned-my-own'), text]),
  );
  expect(typeErrors({ ...Object.fromEntries(snippets), ...files, ...moved })).toEqual([]);
}, 120_000);

test('the pages show a method, a backbone, a head, a data set and an experiment', () => {
  const files = snippets.map(([file]) => file).join('\n');
  for (const part of ['distill/methods', 'nn/backbones', 'nn/heads', 'src/data', 'experiments'])
    expect(files).toContain(`/${part}/`);
});
