/** What an answer that is not MLflow's JSON says, for a message: no page is shown, only its title. */
export function shownAnswer(text: string, status = 0): string {
  const shown = isMarkup(text) ? saidByMarkup(text) : text.slice(0, 200);
  const line = entities(shown).replace(/\s+/g, ' ').trim();
  // The title of an error page often begins with its status.
  return line.startsWith(`${status} `) ? line.slice(`${status} `.length) : line;
}

/** Whether a text is, or holds, a page of HTML or an XML document. */
export const isMarkup = (text: string): boolean =>
  /^\W{0,3}<[?!a-z]/i.test(text.trimStart()) || /<(!doctype|html|head|body|title|h1|p|div)\b/i.test(text);

/** An HTML page's title or first heading; the code and message of a cloud store's XML; else nothing. */
function saidByMarkup(text: string): string {
  const element = (name: string): string | undefined =>
    new RegExp(`<${name}(?:\\s[^>]*)?>([^<]{1,200})`, 'i').exec(text)?.[1]?.trim() || undefined;
  const code = element('Code');
  if (code !== undefined) return [code, element('Message')].filter(Boolean).join(': ');
  return element('title') ?? element('h1') ?? '';
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

const entities = (text: string): string =>
  text
    .replace(/&#(?:x([\da-f]{1,6})|(\d{1,7}));/gi, (whole, hex, decimal) => {
      const code = hex ? Number.parseInt(hex, 16) : Number(decimal);
      return code >= 32 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    })
    .replace(/&(\w+);/g, (whole, name: string) => named[name] ?? whole);
