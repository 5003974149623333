import fc from 'fast-check';
import { file, flag, flagName, folder, integer, list, number, oneOf, optional, text } from './option';

const help = 'an option';

describe('options', () => {
  it('reads whole numbers within their range', () => {
    const epochs = integer({ default: 12, min: 1, help });
    expect(epochs.parse('40', '--epochs')).toBe(40);
    expect(() => epochs.parse('-3', '--epochs')).toThrow('--epochs must be a whole number of at least 1, got -3');
    expect(() => epochs.parse('1.5', '--epochs')).toThrow('--epochs must be a whole number of at least 1, got 1.5');
    expect(() => epochs.parse('ten', '--epochs')).toThrow('--epochs must be a whole number of at least 1, got ten');
    expect(() => epochs.parse('', '--epochs')).toThrow('--epochs must be a whole number of at least 1, got nothing');
  });

  it.each([
    ['9007199254740993', 'and 9007199254740993 is too large; the largest possible number is 9007199254740991'],
    ['9007199254740992', 'and 9007199254740992 is too large'],
    ['123456789012345678901234567890', 'and 123456789012345678901234567890 is too large'],
    ['1e400', 'and 1e400 is too large'],
    ['-9007199254740993', 'and -9007199254740993 is too small'],
    ['0x10', 'got 0x10'],
    ['1_000', 'got 1_000'],
    [' 5', 'got  5'],
    ['５', 'got ５'],
    ['NaN', 'got NaN'],
    ['Infinity', 'got Infinity'],
    ['0.1', 'got 0.1'],
    ['-1', 'got -1'],
    ['', 'got nothing'],
  ])('refuses the seed %j as it was given', (text, reason) => {
    const seed = integer({ default: 0, min: 0, help });
    expect(() => seed.parse(text, '--seed')).toThrow(`--seed must be a whole number of at least 0, ${reason}`);
    const many = list(seed, { default: [0], help });
    if (text.trim() === text && text !== '') {
      expect(() => many.parse(`1,${text}`, '--seeds')).toThrow(
        `--seeds must be a whole number of at least 0, ${reason}`,
      );
    }
  });

  it('reads the largest seed, powers of ten, and no negative zero', () => {
    const seed = integer({ default: 0, min: 0, help });
    expect(seed.parse('9007199254740991', '--seed')).toBe(9007199254740991);
    expect(seed.parse('1e3', '--seed')).toBe(1000);
    expect(seed.parse('-0', '--seed')).toBe(0);
    expect(() => number({ default: 0, help }).parse('-1e400', '--x')).toThrow('-1e400 is too small');
    expect(() => integer({ default: 1, max: 10, help }).parse('1e400', '--n')).toThrow(
      'the largest possible number is 10',
    );
  });

  it('reads numbers within closed and open ranges', () => {
    const momentum = number({ default: 0.9, min: 0, max: 1, help });
    const temperature = number({ default: 4, above: 0, help });
    expect(momentum.parse('.95', '--momentum')).toBe(0.95);
    expect(() => momentum.parse('2', '--momentum')).toThrow('--momentum must be a number from 0 to 1, got 2');
    expect(() => temperature.parse('0', '--temperature')).toThrow('--temperature must be a number above 0, got 0');
    expect(() => temperature.parse('1e999', '--temperature')).toThrow('a number above 0');
    const decay = number({ default: 0, min: 0, below: 1, help });
    expect(decay.parse('0', '--decay')).toBe(0);
    expect(() => decay.parse('1', '--decay')).toThrow('--decay must be a number of at least 0 and below 1, got 1');
  });

  it('reads back every number that JavaScript prints', () => {
    const any = number({ default: 0, help });
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(any.parse(String(value), '--x')).toBe(Number(String(value)));
      }),
    );
  });

  it('reads one of several words, and suggests the nearest for a mistyped one', () => {
    const method = oneOf(['none', 'kd', 'th-kd'], 'th-kd', { help });
    expect(method.parse('kd', '--method')).toBe('kd');
    expect(() => method.parse('th-kdd', '--method')).toThrow(
      "--method: unknown value 'th-kdd'; did you mean 'th-kd'? (valid: none, kd, th-kd)",
    );
  });

  it('reads lists item by item', () => {
    const seeds = list(integer({ min: 0, help }), { default: [0], help });
    expect(seeds.parse('0, 1,2', '--seeds')).toEqual([0, 1, 2]);
    expect(() => seeds.parse('0,x', '--seeds')).toThrow('--seeds must be a whole number of at least 0, got x');
    expect(() => seeds.parse('', '--seeds')).toThrow('--seeds must be a list of at least 1');
  });

  it('checks the values of profiles by the same rules', () => {
    expect(() => flag({ help }).check('yes', 'flip')).toThrow('flip must be true or false, got yes');
    expect(() => text({ help }).check('', 'path')).toThrow('path must be text that is not empty, got nothing');
    expect(optional(integer({ min: 1, help })).check(undefined, 'limit')).toBeUndefined();
  });

  it('is required when it has no default', () => {
    expect(text({ help }).required).toBe(true);
    expect(optional(text({ help })).required).toBe(false);
  });

  it('accepts existing files and folders', () => {
    expect(file({ help }).parse(__filename, '--weights')).toBe(__filename);
    expect(() => file({ help }).parse(__dirname, '--weights')).toThrow(
      `--weights=${__dirname} is a folder and not a file`,
    );
    expect(folder({ help }).parse(__dirname, '--data')).toBe(__dirname);
    expect(() => folder({ help }).parse('nowhere', '--data')).toThrow('--data: there is no folder nowhere');
  });

  it('is written with dashes, except where Nx would drop it', () => {
    expect(flagName('teacherEpochs')).toBe('--teacher-epochs');
    expect(flagName('batchSize')).toBe('--batchSize');
  });
});

test('a value may have another name, which gives the same value and so the same run', () => {
  const option = oneOf(['procedural', 'folder'], 'procedural', { help: '', also: { synthetic: 'procedural' } });
  expect(option.parse('synthetic', '--dataset')).toBe('procedural');
  expect(option.check('synthetic', '--dataset')).toBe('procedural');
  expect(() => option.parse('synthetik', '--dataset')).toThrow("did you mean 'synthetic'?");
});
