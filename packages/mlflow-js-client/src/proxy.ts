import { BlockList, isIP } from 'node:net';
import { invalid } from './error';
import { hideInAddress } from './secrets';

/** Environment variables; only those below are read. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

export interface HttpProxy {
  /** Without user name and password. */
  readonly url: URL;
  /** The variable that names it, for messages. */
  readonly variable: string;
  /** The header Proxy-Authorization. */
  readonly authorization?: string;
}

const names = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'];

/** The variables about proxies among all. */
export function proxyVariables(environment: ProxyVariables): ProxyVariables {
  const wanted = [...names, ...names.map((name) => name.toUpperCase()), 'REQUEST_METHOD'];
  return Object.fromEntries(
    wanted.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

/**
 * The proxy for an address, by the rules of Python's requests and curl: `http_proxy` or `https_proxy` by the address's
 * scheme, else `all_proxy`, unless `no_proxy` lists the host. Names may be upper-case; a lower-case one wins, also an
 * empty one. In a CGI program (REQUEST_METHOD) a client sets HTTP_PROXY, so that it is ignored. Addresses of this machine
 * need no proxy.
 * @throws MlflowError INVALID_PARAMETER_VALUE, with the variable's name, for an address that is no HTTP proxy's
 */
export function proxyFor(url: URL, variables: ProxyVariables): HttpProxy | undefined {
  const found = read(variables, `${url.protocol.slice(0, -1)}_proxy`) ?? read(variables, 'all_proxy');
  if (!found || isDirect(url, read(variables, 'no_proxy')?.text ?? '')) return undefined;
  const { name, text } = found;
  const shown = `"${hideInAddress(text)}"`;
  const proxy = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (/^socks/i.test(proxy)) {
    throw invalid(
      `${name}: ${shown} is a SOCKS proxy, which is not supported: name an HTTP proxy, or list ${url.hostname} in NO_PROXY`,
    );
  }
  const at = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (!at || !/^https?:$/.test(at.protocol)) throw invalid(`${name}: ${shown} is not the address of an HTTP proxy`);
  let credentials: string;
  try {
    credentials = `${decodeURIComponent(at.username)}:${decodeURIComponent(at.password)}`;
  } catch {
    throw invalid(
      `${name}: the user name or password in ${shown} has a % that begins no percent-encoding: write % as %25`,
    );
  }
  at.username = '';
  at.password = '';
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return { url: at, variable: name, ...(credentials !== ':' && { authorization }) };
}

function read(variables: ProxyVariables, name: string): { name: string; text: string } | undefined {
  const upper = name.toUpperCase();
  const used = variables[name] === undefined ? upper : name;
  if (used === 'HTTP_PROXY' && variables.REQUEST_METHOD !== undefined) return undefined;
  const text = variables[used]?.trim();
  return text ? { name: used, text } : undefined;
}

/**
 * Whether a host is on this machine or in a list such as `.example.org,10.0.0.0/8,host:8080`: a name covers the names
 * below it, `*` everything.
 */
function isDirect(url: URL, list: string): boolean {
  const host = bare(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (/(^|\.)localhost$/.test(host) || (isIP(host) && inNetwork(host, '127.0.0.0/8')) || host === '::1') return true;
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '' || entry === '*') return entry === '*';
    const [, name = '', only] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) ? `[${entry}]` : entry) ?? [];
    if (only !== undefined && only !== port) return false;
    const wanted = bare(name);
    if (isIP(host)) return inNetwork(host, wanted);
    const domain = wanted.replace(/^\*?\./, '');
    return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
  });
}

/** A host in lower case, without brackets and the dot of a complete name. */
const bare = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]/, '$1')
    .replace(/\.$/, '');

/** Whether an IP address is `network`, or is in it: 10.0.0.0/8. */
function inNetwork(host: string, network: string): boolean {
  const [address = '', bits] = network.split('/');
  const family = isIP(address);
  if (family === 0 || family !== isIP(host)) return false;
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
  if (!/^\d{0,3}$/.test(bits ?? '') || prefix > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, prefix, kind);
  return list.check(host, kind);
}
