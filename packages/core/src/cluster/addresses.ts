import { createServer, isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { decimal } from '../system/decimal';
import { UserError } from '../system/user-error';

/** A place that a process listens on. */
export interface Address {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:4567`, `[::1]:4567`. */
export const addressText = ({ host, port }: Address): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

/**
 * Reads `HOST:PORT`; IPv6 addresses stand in brackets.
 * @param where names the text in errors, e.g. `--join`
 * @throws UserError for another text
 */
export function readAddress(text: string, where: string): Address {
  const [, bracketed, name, digits = ''] = /^(?:\[([^[\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = decimal(digits) ?? 0;
  const host = bracketed ?? name;
  if (host !== undefined && port >= 1 && port <= 65535 && (bracketed === undefined || isIPv6(bracketed))) {
    return { host, port };
  }
  throw new UserError(`${where} must be HOST:PORT with a port from 1 to 65535, got '${text}'.`);
}

/** The address without the prefix that a socket for both kinds of addresses puts before IPv4 addresses. */
export const plainHost = (host: string): string => host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plainHost(host));

/** Whether a server with this address listens on every network of its machine. */
export const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Networks that the internet does not route: RFC 1918, link-local, carrier-grade NAT (also WireGuard's users), RFC 4193. */
const privateNetworks =
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;

/** Whether the internet may reach this IP address; no for names. */
export function isPublic(host: string): boolean {
  const plain = plainHost(host);
  const isAddress = isIPv4(plain) || isIPv6(plain);
  return isAddress && !isLoopback(plain) && !isWildcard(plain) && !privateNetworks.test(plain);
}

/** An address by which other machines may reach this one, private ones first; loopback if there is no other. */
export function ownHost(interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): string {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const outward = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  const rank = ({ address }: { address: string }): number => (isPublic(address) ? 2 : 0) + (isIPv4(address) ? 0 : 1);
  return outward.sort((a, b) => rank(a) - rank(b))[0]?.address ?? '127.0.0.1';
}

/**
 * A port that is free now. Somebody else may take it before the caller does.
 * @throws the system's error (EADDRNOTAVAIL) if the machine does not have this address
 */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
