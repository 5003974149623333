import { cachedTeacher, checkTeacherCache, teacherCacheOptions } from './distillation-options';

const unmixed = { mixup: 0, cutmix: 0, mixProbability: 1, mixSwitchProbability: 0.5 };
const off = { teacherCache: 'off', teacherViews: 0, teacherCacheDir: undefined, ...unmixed } as const;

test('a cache refuses a method that reads feature maps, alone or in a sum', () => {
  expect(() => checkTeacherCache(off, 'at')).not.toThrow();
  expect(() => checkTeacherCache({ ...off, teacherCache: 'float32' }, 'crd+th-kd')).not.toThrow();
  expect(() => checkTeacherCache({ ...off, teacherCache: 'float16' }, 'crd+at')).toThrow(
    "--teacher-cache: at uses the teacher's feature maps, but the cache holds only embeddings; leave the cache off, or choose a method that uses only embeddings and logits.",
  );
});

test('a cache refuses mixup and CutMix, even for repeated views', () => {
  const values = { ...off, teacherCache: 'float32', teacherViews: 4 } as const;
  expect(() => checkTeacherCache({ ...values, mixup: 0.2 }, 'kd')).toThrow(
    '--teacher-cache does not work with --mixup: the teacher sees mixtures of two images, which never repeat.',
  );
  expect(() => checkTeacherCache({ ...values, cutmix: 1 }, 'kd')).toThrow('does not work with --cutmix');
  expect(() => checkTeacherCache({ ...off, mixup: 0.2 }, 'kd')).not.toThrow();
});

test('views repeat with and without a cache, so that both can be compared', () => {
  expect(cachedTeacher({ ...off, teacherViews: 3 })).toEqual({ views: 3 });
  expect(cachedTeacher({ teacherCache: 'float16', teacherViews: 0, teacherCacheDir: '/somewhere' })).toEqual({
    views: 0,
    cache: { type: 'float16', folder: '/somewhere' },
  });
});

test('the command line of the cache', () => {
  expect(teacherCacheOptions.teacherCache.parse('float16', '--teacher-cache')).toBe('float16');
  expect(() => teacherCacheOptions.teacherCache.parse('on', '--teacher-cache')).toThrow(
    "--teacher-cache: unknown value 'on'",
  );
  expect(() => teacherCacheOptions.teacherViews.parse('-1', '--teacher-views')).toThrow('--teacher-views');
});
