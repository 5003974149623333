import { size } from './size-option';

const option = size({ default: 32, min: 16, max: 512, help: 'size of images' });

test.each([
  ['48', 48],
  ['112x96', '112x96'],
  ['64x64', 64],
] as const)('%s is read, and kept as profiles and run keys hold it', (text, value) => {
  expect(option.parse(text, '--image-size')).toBe(value);
  expect(option.check(value, '--image-size')).toBe(value);
});

test.each(['', '8', '112x8', '1024x32', '112by96', '96x', 'true'])('%p is refused with the valid forms', (text) => {
  expect(() => option.parse(text, '--image-size')).toThrow(
    `--image-size must be a whole number from 16 to 512, or two as height x width: 112x96, got ${text || 'nothing'}`,
  );
});
