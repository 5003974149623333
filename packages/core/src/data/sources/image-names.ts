/** Endings of files that are taken for images, in small letters. */
export const imageEndings = ['.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff'] as const;

/** Whether a file is an image by its name; hidden files, macOS's `._*` among them, are none. */
export function isImageName(name: string): boolean {
  if (name.startsWith('.')) return false;
  const ending = name.slice(name.lastIndexOf('.')).toLowerCase();
  return (imageEndings as readonly string[]).includes(ending);
}
