/** The options that keep what a teacher says of images, for distillation. */
import type { MixSettings } from '../data/augment/mix';
import { group, integer, oneOf, optional, text, type Values } from '../experiment/option';
import { checkCachedMethods, checkUnmixed } from '../train/teacher-cache/refusals';

export const teacherCacheOptions = group('Teacher cache', {
  teacherCache: oneOf(['off', 'float32', 'float16'], 'off', {
    help: 'teacher embeddings on disk: off, float32 (same results), float16 (half the space)',
  }),
  teacherViews: integer({
    default: 0,
    min: 0,
    max: 1000,
    help: 'augmented copies per image, to fit a cache; 0: new in each epoch',
  }),
  teacherCacheDir: optional(text({ placeholder: 'DIR', help: 'folder of the cache' }), '.cache/teacher'),
});

export type TeacherCacheValues = Values<typeof teacherCacheOptions>;

/**
 * @param methods joined by `+`
 * @throws UserError for what a cache cannot serve
 */
export function checkTeacherCache(values: TeacherCacheValues & MixSettings, methods: string): void {
  if (values.teacherCache === 'off') return;
  checkCachedMethods(methods);
  checkUnmixed(values);
}

/** For `Distillation`. */
export const cachedTeacher = ({
  teacherCache: type,
  teacherViews: views,
  teacherCacheDir: folder,
}: TeacherCacheValues) => ({
  views,
  ...(type !== 'off' && { cache: { type, ...(folder !== undefined && { folder }) } }),
});
