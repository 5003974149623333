import { clip, flatten, validName } from './parameters';

test('a nested configuration becomes dotted names', () => {
  expect(
    flatten({
      method: 'th-kd',
      learningRate: 0.05,
      data: { kind: 'procedural', size: { width: 112 } },
      widths: [64, 128],
      flip: false,
      teacher: null,
      notGiven: undefined,
      call: () => 1,
    }),
  ).toEqual({
    method: 'th-kd',
    learningRate: '0.05',
    'data.kind': 'procedural',
    'data.size.width': '112',
    widths: '[64,128]',
    flip: 'false',
    teacher: 'null',
  });
});

test('names and values that MLflow would refuse become valid', () => {
  expect(validName('TAR@FAR=1e-3')).toBe('TAR_FAR_1e-3');
  expect(clip('x'.repeat(6001))).toBe(`${'x'.repeat(5999)}…`);
  expect(clip('x'.repeat(6000))).toBe('x'.repeat(6000));
  expect(clip('😀'.repeat(3001))).toBe(`${'😀'.repeat(2999)}…`);
});
