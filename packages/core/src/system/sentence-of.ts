/** An error's message without its full stop, as part of a longer sentence. */
export function sentenceOf(error: unknown): string {
  // `instanceof` fails under jest, where errors come from two realms.
  const message: unknown = Reflect.get(Object(error), 'message');
  return (typeof message === 'string' && message ? message : String(error)).trim().replace(/[.:]$/, '');
}
