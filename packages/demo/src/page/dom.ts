/** The element with this id. @throws Error if the page lacks it */
export function find<E extends HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element "${id}"`);
  return element as E;
}

/** A new element with text or children. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Shows a sentence in a status line, as a plain one, a good or a bad one. */
export function say(element: HTMLElement, text: string, kind: '' | 'yes' | 'no' | 'problem' = ''): void {
  element.classList.remove('yes', 'no', 'problem');
  if (kind) element.classList.add(kind);
  element.textContent = text;
}

/** Rows with bars: `share` from 0 to 1. */
export function showBars(
  list: HTMLElement,
  rows: readonly { readonly name: string; readonly value: string; readonly share: number }[],
): void {
  list.replaceChildren(
    ...rows.map(({ name, value, share }) => {
      const row = create('li', {}, create('span', { textContent: name }), create('span', { textContent: value }));
      row.style.setProperty('--share', `${(Math.max(0, Math.min(1, share)) * 100).toFixed(1)}%`);
      return row;
    }),
  );
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** 0.937 -> `93.7 %`; small shares get more digits. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 1 || value === 0 ? value.toFixed(1) : value.toPrecision(2)} %`;
}
