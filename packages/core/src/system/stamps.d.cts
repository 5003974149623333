import type { Stats } from 'node:fs';

/** Whether files are compared by content: at most 256 MiB in at most 20,000 files. */
export function isSmall(files: number, bytes: number): boolean;
/** A file's size, modification time and inode: they change whenever the file is written or replaced. */
export function statStamp(stats: Pick<Stats, 'size' | 'mtimeMs' | 'ino'>): string;
/** The SHA-256 of a file's content, read once per process while its size, times and inode stay. @throws Error of the file system */
export function contentStamp(path: string | Buffer): Promise<string>;
