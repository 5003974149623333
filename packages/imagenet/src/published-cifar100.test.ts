import { publishedTop1 } from './published-cifar100';

const options = { dataset: 'cifar100', teacher: 'resnet32x4', teacherWidth: 1, student: 'resnet8x4', studentWidth: 1 };

test('the published number of a network of a pair', () => {
  expect(publishedTop1('kd', options)).toBeCloseTo(0.7333, 10);
  expect(publishedTop1('teacher', { dataset: 'cifar100', teacher: 'resnet32x4', teacherWidth: 1 })).toBeCloseTo(
    0.7942,
    10,
  );
  expect(publishedTop1('student alone', { dataset: 'cifar100', student: 'resnet8x4' })).toBeCloseTo(0.725, 10);
});

test('there is no published number for other data, widths, methods or pairs', () => {
  expect(publishedTop1('kd', { ...options, dataset: 'shapes' })).toBeUndefined();
  expect(publishedTop1('kd', { ...options, studentWidth: 0.5 })).toBeUndefined();
  expect(publishedTop1('th-kd', options)).toBeUndefined();
  expect(publishedTop1('kd', { ...options, teacher: 'vgg13' })).toBeUndefined();
});
