import { cpuIdentity, describe as describeCpu } from './cpu';

const x86 = `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R)
microcode\t: 0x2b
cpu MHz\t\t: 2100.312
flags\t\t: fpu avx2 avx512f

processor\t: 1
flags\t\t: fpu
`;

test('the model and the features of the first processor count, its clock and microcode do not', () => {
  expect(describeCpu(x86).split('\n')).toHaveLength(5);
  expect(describeCpu(x86.replace('2100.312', '800').replace('0x2b', '0x2c'))).toBe(describeCpu(x86));
  expect(describeCpu(x86.replace('avx512f', ''))).not.toBe(describeCpu(x86));
});

test('Arm processors count by implementer, part and features', () => {
  const arm = 'processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n';
  expect(describeCpu(arm)).toBe('Features\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c');
});

test('this machine has an identity, the same each time', () => {
  expect(cpuIdentity()).toMatch(/^[0-9a-f]{16}$/);
  expect(cpuIdentity()).toBe(cpuIdentity());
});
