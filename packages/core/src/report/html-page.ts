import { type Table, tableText } from './table';

/** A self-contained page of tables and of pictures as SVG. */
export interface Page {
  readonly title: string;
  readonly sections: readonly Section[];
}

export type Section =
  | { readonly kind: 'table'; readonly title: string; readonly table: Table }
  | { readonly kind: 'picture'; readonly title: string; readonly svg: string };

/** The page as HTML. Table cells that are http(s) addresses become links. */
export function htmlPage({ title, sections }: Page): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<h1>${escapeHtml(title)}</h1>
${sections.map(section).join('\n')}
</html>
`;
}

function section(one: Section): string {
  const heading = `<h2>${escapeHtml(one.title)}</h2>`;
  if (one.kind === 'picture') return `${heading}\n<figure>${one.svg}</figure>`;
  const { titles, cells, numeric } = tableText(one.table);
  const row = (tag: 'th' | 'td', texts: readonly string[]): string =>
    `<tr>${texts.map((text, c) => `<${tag}${numeric[c] ? ' class="number"' : ''}>${cellHtml(text)}</${tag}>`).join('')}</tr>`;
  const notes = one.table.notes?.length ? `\n<p>${one.table.notes.map(escapeHtml).join('<br>')}</p>` : '';
  const body = cells.map((texts) => row('td', texts)).join('\n');
  return `${heading}\n<div><table>\n<thead>${row('th', titles)}</thead>\n<tbody>${body}</tbody>\n</table></div>${notes}`;
}

function cellHtml(text: string): string {
  const shown = escapeHtml(text);
  return /^https?:\/\//.test(text) ? `<a href="${shown}">${shown.replace(/^.*runs\//, '').slice(0, 8)}</a>` : shown;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (letter) => entities[letter] ?? letter);

const style = `
body { font: 15px/1.5 Inter, Helvetica, Arial, sans-serif; color: #222; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem } p { color: #555 }
div { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #e4e4e4; text-align: left; white-space: nowrap }
td:first-child { white-space: normal; min-width: 12rem }
.number { text-align: right } figure { margin: 0; overflow-x: auto } svg { max-width: 100%; height: auto }
`;
