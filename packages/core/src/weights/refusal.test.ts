import { shown } from './refusal';

test.each([
  ['2 nan 4.0', '2 nan 4.0'],
  ['2\tnan\t4.0', '2 nan 4.0'],
  ['those at its top', 'those at its top'],
  ['a\u001b[31mred\u0007', 'a?[31mred?'],
  ['line\r\nline', 'line??line'],
  ['a\u2028b\u00a0c\u3000d\u202ee', 'a?b?c?d?e'],
  ['x'.repeat(90), `${'x'.repeat(80)}...`],
])('%j is shown on a terminal as %j', (name, text) => {
  expect(shown(name)).toBe(text);
});
