/** The options that keep what a teacher says of images, for distillation. */
import type { MixSettings } from '../data/augment/mix';
import { integer, oneOf, optional, text, type Values } from '../experiment/option';
import { checkCachedMethods, checkUnmixed } from '../train/teacher-cache/refusals';

export const teacherCacheOptions = {
  teacherCache: oneOf(['off', 'float32', 'float16'], 'off', {
    help: "the teacher's embeddings are written to files once and read ever after, by other seeds and students too; float32: the same results, float16: half the space",
  }),
  teacherViews: integer({
    default: 0,
    min: 0,
    max: 1000,
    help: 'how many drawn views of each image training shows in turn, so that a cache can hold them; 0: drawn anew in each epoch',
  }),
  teacherCacheDir: optional(text({ help: "where the teacher's cache lies; default: .cache/teacher of the workspace" })),
};

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
