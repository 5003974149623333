/** Names for a sentence: the first five, and how many more there are. */
export function abbreviate(names: readonly string[]): string {
  const first = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}

export const pictures = (count: number): string => (count === 1 ? '1 picture' : `${count} pictures`);
