/** Hides passwords and tokens before an address is shown. Hides too much rather than too little. */

/** An address without user, password, query and fragment: `postgresql://***@host/db?***`. It may be malformed. */
export function hideInAddress(address: string): string {
  const scheme = /^\s*[a-z][a-z\d+.-]*:\/\/+/i.exec(address)?.[0] ?? '';
  const rest = address.slice(scheme.length);
  // Up to the last @, since a password may hold one that should have been written as %40.
  const at = rest.lastIndexOf('@');
  const place = at < 0 ? rest : rest.slice(at + 1);
  const shown = place.replace(/[?#;].*$/s, (end) => `${end[0]}***`);
  // `user:password` whose @host is missing: what follows the colon is no port.
  const cut = at < 0 ? shown.replace(/^([^[/:]+):(?!\d+(\/|$)|[\\/]|$).+$/s, '$1:***') : shown;
  return `${scheme}${at < 0 ? '' : '***@'}${cut}`;
}

const secretNames = 'token|passw(?:or)?d|passwd|pwd|secret|signature|credential|api[_-]?key|access[_-]?key';

/** A text whose addresses have no user, password and secret query, for messages of other programs. */
export function hideSecrets(text: string): string {
  return text
    .replace(/\b([a-z][a-z\d+.-]*:\/\/)[^\s"'<>`]*@/gi, '$1***@')
    .replace(new RegExp(`([?&;][\\w.%-]*(?:${secretNames})[\\w.%-]*=)[^&;\\s"'<>\`]+`, 'gi'), '$1***');
}
