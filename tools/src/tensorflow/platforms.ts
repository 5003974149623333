import type { Device } from '@headshare/core/runtime/device';
import { UserError } from '@headshare/core/system/user-error';

/** A pinned file of a Python package index. pip may take it from any mirror, but its bytes must be the same. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** pip's platform tag. */
  readonly platform: string;
  readonly sha256: string;
  /** Size of the download. */
  readonly bytes: number;
  /** Size on disk of the files that are unpacked. */
  readonly unpacked: number;
}

/** File names of TensorFlow's two libraries, and the suffix of libraries for the linker. */
export interface LibraryNames {
  readonly cc: string;
  readonly framework: string;
  readonly suffix: 'so' | 'dylib';
}

export interface Platform {
  readonly device: Device;
  readonly os: 'linux' | 'darwin';
  readonly arch: 'x64' | 'arm64';
  readonly tensorflow: Wheel;
  /** The CUDA libraries of the wheel's `and-cuda` extra, each in its newest allowed version. */
  readonly cuda: readonly Wheel[];
  readonly libraries: LibraryNames;
}

const version = '2.21.0';

const linux: LibraryNames = {
  cc: 'libtensorflow_cc.so.2',
  framework: 'libtensorflow_framework.so.2',
  suffix: 'so',
};
const macos: LibraryNames = {
  cc: 'libtensorflow_cc.2.dylib',
  framework: 'libtensorflow_framework.2.dylib',
  suffix: 'dylib',
};

// Name, version, oldest manylinux, SHA-256, bytes. They exist for Linux x64 only.
const cuda = (
  [
    ['cublas', '12.9.3.13', '2_27', 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72', 581_217_458],
    ['cuda-cupti', '12.9.79', '2_25', '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f', 10_814_997],
    ['cuda-nvcc', '12.9.86', '2_12', '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0', 40_546_229],
    ['cuda-nvrtc', '12.9.86', '2_12', '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4', 89_568_129],
    ['cuda-runtime', '12.9.79', '2_17', '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3', 3_493_179],
    ['cudnn', '9.28.0.42', '2_27', '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375', 716_538_495],
    ['cufft', '11.4.1.4', '2_17', 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28', 200_877_592],
    ['curand', '10.3.10.19', '2_27', '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e', 68_295_626],
    ['cusolver', '11.7.5.82', '2_27', '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88', 338_117_415],
    ['cusparse', '12.5.10.65', '2_17', '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78', 366_465_088],
    ['nccl', '2.32.3', '2_27', 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c', 351_526_311],
    ['nvjitlink', '12.9.86', '2_12', 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9', 39_748_338],
  ] as const
).map(([name, release, manylinux, sha256, bytes]) => ({
  name: `nvidia-${name}-cu12`,
  version: release,
  platform: `manylinux_${manylinux}_x86_64`,
  sha256,
  bytes,
  // All twelve unpack to 1.6 times the download; a little more for the check of free space.
  unpacked: Math.ceil(bytes * 1.7),
}));

const platform = (
  { device, os, arch }: Pick<Platform, 'device' | 'os' | 'arch'>,
  libraries: LibraryNames,
  wheel: Omit<Wheel, 'version'>,
): Platform => ({
  device,
  os,
  arch,
  tensorflow: { ...wheel, version },
  cuda: device === 'gpu' ? cuda : [],
  libraries,
});

const platforms: readonly Platform[] = [
  platform({ device: 'cpu', os: 'linux', arch: 'x64' }, linux, {
    name: 'tensorflow-cpu',
    platform: 'manylinux_2_27_x86_64',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    bytes: 273_829_956,
    unpacked: 856_000_000,
  }),
  platform({ device: 'cpu', os: 'linux', arch: 'arm64' }, linux, {
    name: 'tensorflow',
    platform: 'manylinux_2_27_aarch64',
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    bytes: 281_828_020,
    unpacked: 886_000_000,
  }),
  platform({ device: 'cpu', os: 'darwin', arch: 'arm64' }, macos, {
    name: 'tensorflow',
    platform: 'macosx_12_0_arm64',
    sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    bytes: 223_405_849,
    unpacked: 744_000_000,
  }),
  platform({ device: 'gpu', os: 'linux', arch: 'x64' }, linux, {
    name: 'tensorflow',
    platform: 'manylinux_2_27_x86_64',
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    bytes: 572_440_367,
    unpacked: 1_262_000_000,
  }),
];

/**
 * The files for a device on this machine.
 * @throws UserError (exit code 1) if TensorFlow publishes none
 */
export function platformFor(device: Device, os: string = process.platform, arch: string = process.arch): Platform {
  const found = platforms.find((one) => one.device === device && one.os === os && one.arch === arch);
  if (found !== undefined) return found;
  if (device === 'gpu' && platforms.some((one) => one.os === os && one.arch === arch)) {
    throw new UserError(
      `TF_DEVICE=gpu needs Linux x64, and this is ${os} ${arch}: leave TF_DEVICE out to run on the CPU.`,
      1,
    );
  }
  const hint = os === 'win32' ? '; on Windows use WSL 2' : '';
  throw new UserError(
    `There is no TensorFlow ${version} for ${os} ${arch}: it runs on Linux x64, Linux arm64 and macOS arm64${hint}.`,
    1,
  );
}

/**
 * Refuses Linux systems with musl, such as Alpine: TensorFlow's libraries need the symbols of glibc.
 * @throws UserError (exit code 1)
 */
export function requireGlibc(report: object = process.report?.getReport() ?? {}): void {
  const { header } = report as { header?: { glibcVersionRuntime?: string } };
  if (process.platform !== 'linux' || header?.glibcVersionRuntime !== undefined) return;
  throw new UserError(
    'TensorFlow needs a Linux with glibc, and this one has musl (Alpine?): use Debian, Ubuntu or Fedora, or an image ' +
      'based on one of them.',
    1,
  );
}

/** All wheels of a platform; TensorFlow's comes first. */
export function wheelsOf(platform: Platform): readonly Wheel[] {
  return [platform.tensorflow, ...platform.cuda];
}
