import type { SourceList } from './image-source';

/** The images of a folder of class folders, class by class and sorted by path; class names sorted by code units. */
export interface ClassListing extends Omit<SourceList, 'name' | 'box'> {
  /** Sentences about files that are not read. */
  readonly notes: readonly string[];
}
