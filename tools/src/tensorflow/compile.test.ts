import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAddon, compileAhead, compileFlags, findCompiler, noCompiler } from './compile';
import { platformFor } from './platforms';

const { signal } = new AbortController();

test('CXX goes before the usual compilers and may hold arguments', async () => {
  expect(await findCompiler('linux', { CXX: 'env FOO=1 g++' })).toMatchObject({
    command: 'env',
    leading: ['FOO=1', 'g++'],
  });
  expect(await findCompiler('linux', { CXX: '/nowhere/g++' })).toBeUndefined();
});

test('without a compiler the error explains how to install one', () => {
  expect(noCompiler('linux', {}).message).toContain('apt install g++');
  expect(noCompiler('darwin', {}).message).toContain('xcode-select --install');
  expect(noCompiler('linux', { CXX: '/nowhere/g++' }).message).toContain("CXX is set to '/nowhere/g++'");
});

test('the addon finds its libraries beside itself, and NaNs stay NaNs', () => {
  const linux = compileFlags({ os: 'linux', arch: 'x64' });
  expect(linux).toEqual(expect.arrayContaining(['-march=native', '-Wl,-rpath,$ORIGIN/lib']));
  const macos = compileFlags({ os: 'darwin', arch: 'arm64' });
  expect(macos).toEqual(expect.arrayContaining(['-mcpu=native', '-Wl,-rpath,@loader_path/lib', 'dynamic_lookup']));
  expect([...linux, ...macos]).not.toContain('-ffast-math');
});

test("a failed build reports the compiler's first error", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'compile-'));
  try {
    mkdirSync(join(folder, 'lib'));
    writeFileSync(join(folder, 'addon.cc'), 'int x = nothing;\nint y = neither;\n');
    const compiler = await findCompiler();
    if (compiler === undefined) throw noCompiler();
    const sources = { native: folder, tfjsNode: folder, nodeHeaders: folder };
    const platform = platformFor('cpu', 'linux', 'x64');
    const build = compileAddon(
      { compiler, platform, sources, folder, signal },
      'tfjs_binding.node',
      join(folder, 'a.node'),
    );
    await expect(build).rejects.toThrow(/could not build TensorFlow's addon: .*addon\.cc:1:9: error: .*nothing/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("units that read none of TensorFlow's headers are compiled ahead, and not again", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'compile-'));
  try {
    const scores = join(folder, 'scores');
    mkdirSync(scores);
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write('addon.cc', '#include "tensorflow/c/c_api.h"\n');
    write('kernel.cc', '#include "kernel.h"\n');
    write('kernel.h', '#include "tensorflow/c/kernels.h"\n');
    write('loops.cc', '#include <math.h>\n#include "loops.h"\n');
    write('loops.h', 'int loops();\n');
    write('scores/scores.cc', 'int scores() { return 1; }\n');
    const compiler = await findCompiler();
    if (compiler === undefined) throw noCompiler();
    const sources = { native: folder, tfjsNode: folder, nodeHeaders: folder };
    const build = { compiler, platform: platformFor('cpu', 'linux', 'x64'), sources, folder, signal };
    const ahead = await compileAhead(build);
    expect([...ahead.keys()].sort()).toEqual([join(folder, 'loops.cc'), join(scores, 'scores.cc')]);
    expect([...ahead.values()].every((object) => existsSync(object))).toBe(true);
    write('scores/scores.cc', 'no C++ at all');
    await compileAddon(build, 'scores.node', join(folder, 'scores.node'), ahead);
    expect(existsSync(join(folder, 'scores.node'))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
