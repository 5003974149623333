import { cachedTeacher, checkTeacherCache, teacherCacheOptions } from './teacher-cache-options';

const unmixed = { mixup: 0, cutmix: 0, mixProbability: 1, mixSwitchProbability: 0.5 };
const off = { teacherCache: 'off', teacherViews: 0, teacherCacheDir: undefined, ...unmixed } as const;

test('a method that reads maps is refused before anything runs, alone or among others', () => {
  expect(() => checkTeacherCache(off, 'at')).not.toThrow();
  expect(() => checkTeacherCache({ ...off, teacherCache: 'float32' }, 'crd+th-kd')).not.toThrow();
  expect(() => checkTeacherCache({ ...off, teacherCache: 'float16' }, 'crd+at')).toThrow(
    "--teacher-cache: at reads the teacher's maps, and only its embeddings are kept; leave the cache off, or choose a method that reads embeddings and logits alone.",
  );
});

test('images that are mixed in the step are refused, even where views repeat', () => {
  const values = { ...off, teacherCache: 'float32', teacherViews: 4 } as const;
  expect(() => checkTeacherCache({ ...values, mixup: 0.2 }, 'kd')).toThrow(
    '--teacher-cache does not go with --mixup: the teacher looks at mixtures of two images, which never come twice.',
  );
  expect(() => checkTeacherCache({ ...values, cutmix: 1 }, 'kd')).toThrow('does not go with --cutmix');
  expect(() => checkTeacherCache({ ...off, mixup: 0.2 }, 'kd')).not.toThrow();
});

test('views repeat with and without a cache, so that both can be compared', () => {
  expect(cachedTeacher({ ...off, teacherViews: 3 })).toEqual({ views: 3 });
  expect(cachedTeacher({ teacherCache: 'float16', teacherViews: 0, teacherCacheDir: '/somewhere' })).toEqual({
    views: 0,
    cache: { type: 'float16', folder: '/somewhere' },
  });
});

test('the command line', () => {
  expect(teacherCacheOptions.teacherCache.parse('float16', '--teacher-cache')).toBe('float16');
  expect(() => teacherCacheOptions.teacherCache.parse('on', '--teacher-cache')).toThrow(
    "--teacher-cache: unknown value 'on'",
  );
  expect(() => teacherCacheOptions.teacherViews.parse('-1', '--teacher-views')).toThrow('--teacher-views');
});
