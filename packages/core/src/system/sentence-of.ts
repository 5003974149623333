/** An error's message without its full stop, to go on from. Not instanceof: under jest, errors come from two realms. */
export function sentenceOf(error: unknown): string {
  const message: unknown = Reflect.get(Object(error), 'message');
  return (typeof message === 'string' && message ? message : String(error)).trim().replace(/[.:]$/, '');
}
