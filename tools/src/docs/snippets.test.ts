/** Every TypeScript snippet of the documentation compiles as it stands. */
import { join } from 'node:path';
import ts from 'typescript';
import { codeBlocks, readPages, repository } from './pages';

/** Where a snippet stands in its page, by the file it is compiled as. */
const places = new Map<string, string>();
const sources = new Map<string, string>();
for (const { path, text } of readPages()) {
  for (const { language, text: code, line } of codeBlocks(text)) {
    if (language !== 'ts') continue;
    // A snippet names its file in its first line, so that its relative imports are resolved from there.
    const [, named] = /^\/\/ (packages\/\S+\.ts)/.exec(code) ?? [];
    const file = join(repository, named ?? `tools/src/docs/${path.replace(/\W/g, '-')}-${line}.ts`);
    places.set(file, `${path}:${line}`);
    sources.set(file, code);
  }
}

function diagnosticsByPlace(): readonly string[] {
  const { config } = ts.readConfigFile(join(repository, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists.call(host, file);
  host.readFile = (file) => sources.get(file) ?? readFile.call(host, file);
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...places].flatMap(([file, place]) => {
    const source = program.getSourceFile(file);
    return ts
      .getPreEmitDiagnostics(program, source)
      .map(({ messageText }) => `${place}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  });
}

test('snippets compile', () => {
  expect(diagnosticsByPlace()).toEqual([]);
}, 120_000);

test('there are snippets of a method, a backbone, a data set and an experiment, and no two are the same file', () => {
  const files = [...sources.keys()].join('\n');
  for (const part of ['distill/methods', 'nn/backbones', 'src/data', 'experiments'])
    expect(files).toContain(`/${part}/`);
});
