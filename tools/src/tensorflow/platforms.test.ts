import { platformFor, requireGlibc, wheelsOf } from './platforms';

test.each([
  ['linux', 'x64', 'tensorflow-cpu', 'manylinux_2_27_x86_64', 'libtensorflow_cc.so.2'],
  ['linux', 'arm64', 'tensorflow', 'manylinux_2_27_aarch64', 'libtensorflow_cc.so.2'],
  ['darwin', 'arm64', 'tensorflow', 'macosx_12_0_arm64', 'libtensorflow_cc.2.dylib'],
])('on %s %s the CPU needs one wheel', (os, arch, name, tag, library) => {
  const platform = platformFor('cpu', os, arch);
  expect(wheelsOf(platform)).toHaveLength(1);
  expect(platform.tensorflow).toMatchObject({ name, version: '2.21.0', platform: tag });
  expect(platform.libraries.cc).toBe(library);
});

test('a GPU needs the CUDA build and the twelve packages of its and-cuda extra', () => {
  const [tensorflow, ...cuda] = wheelsOf(platformFor('gpu', 'linux', 'x64'));
  expect(tensorflow?.name).toBe('tensorflow');
  expect(cuda).toHaveLength(12);
  for (const wheel of cuda) expect(wheel.name).toMatch(/^nvidia-[a-z-]+-cu12$/);
});

test('every wheel has its own SHA-256', () => {
  const all = [
    ...wheelsOf(platformFor('cpu', 'linux', 'x64')),
    ...wheelsOf(platformFor('cpu', 'linux', 'arm64')),
    ...wheelsOf(platformFor('cpu', 'darwin', 'arm64')),
    ...wheelsOf(platformFor('gpu', 'linux', 'x64')),
  ];
  for (const { sha256 } of all) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(all.length);
});

test.each([
  ['win32', 'x64', 'on Windows use WSL 2'],
  ['linux', 'ia32', 'it runs on Linux x64, Linux arm64 and macOS arm64'],
  ['darwin', 'x64', 'There is no TensorFlow 2.21.0 for darwin x64'],
])('%s %s is refused', (os, arch, sentence) => {
  expect(() => platformFor('cpu', os, arch)).toThrow(sentence);
});

test('a GPU is refused where TensorFlow has only a CPU build', () => {
  expect(() => platformFor('gpu', 'darwin', 'arm64')).toThrow('leave TF_DEVICE out to run on the CPU');
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a Linux without glibc is refused', () => {
  expect(() => requireGlibc({ header: {} })).toThrow('this one has musl');
  expect(() => requireGlibc({ header: { glibcVersionRuntime: '2.36' } })).not.toThrow();
});
