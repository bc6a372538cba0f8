import { BlockList, isIP } from 'node:net';
import { HttpError } from './error.js';
import { redactUrl } from './redact.js';

const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['168.63.129.16', 32],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  PRIVATE.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 127],
  ['64:ff9b:1::', 48],
  // Tunnels (Teredo, 6to4): who gets there is for somebody else to say.
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(net, prefix, 'ipv6');
}

/** IPv4 inside IPv6: compatible, mapped, translated (RFC 4291, RFC 2765) and NAT64 (RFC 6052), as URL writes them. */
const EMBEDDED = /^(?:::|::ffff:|::ffff:0:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

// RFC 6761, 6762 with its appendix G, 8375, and `internal` as ICANN reserved it: also the name of a cloud's metadata.
const PRIVATE_DOMAIN = /\.(?:localhost|local|internal|intranet|private|corp|home|lan|home\.arpa)$/;

/**
 * Loopback, link-local, private, multicast and cloud-metadata ranges, as literals in every spelling and as `localhost`; a name that
 * resolves there is not seen.
 */
export function isPrivateAddress(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    // A name with its root dot is the same name.
    .replace(/\.$/, '')
    .toLowerCase();
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  switch (isIP(host)) {
    case 4:
      return PRIVATE.check(host, 'ipv4');
    case 6:
      return isPrivateIpv6(host);
    default:
      return false;
  }
}

/** Names without a dot, and below domains that the public DNS has promised never to have, or that networks use as if it had. */
export function isPrivateName(hostname: string): boolean {
  const host = hostname.replace(/\.$/, '').toLowerCase();
  if (host.startsWith('[') || isIP(host) !== 0) return false;
  return !host.includes('.') || PRIVATE_DOMAIN.test(host);
}

function isPrivateIpv6(address: string): boolean {
  // Resolvers write IPv4 inside of it with dots, and the zone of a link behind a percent sign.
  const plain = new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1);
  const embedded = EMBEDDED.exec(plain);
  if (embedded === null) return PRIVATE.check(plain, 'ipv6');
  return PRIVATE.check(ipv4OfWords(embedded[1] ?? '0', embedded[2] ?? '0'), 'ipv4');
}

function ipv4OfWords(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

/**
 * Refuses a URL chosen by the other side (a `Location`, an auth realm) that points into a private range,
 * unless it stays on `origin`, the host that the user named.
 * @throws {HttpError} `HTTP_ADDRESS_REFUSED`
 */
export function assertPublicHost(url: URL, origin: URL): void {
  if (url.host === origin.host || !isPrivateAddress(url.hostname)) return;
  throw new HttpError(
    'HTTP_ADDRESS_REFUSED',
    `Cannot follow ${redactUrl(url)} from ${origin.host}: it is a private address`,
    {
      hint: 'The server answered with an address inside the private network; check that the host is the one you meant',
    },
  );
}

/** The refusal of a host that somebody untrusted named; it does not say which address a name stands for. */
export function privateAddress(hostname: string): HttpError {
  const state = isPrivateAddress(hostname) ? 'is a private address' : 'stands for a private address';
  return new HttpError('HTTP_ADDRESS_REFUSED', `Cannot connect to ${hostname}: it ${state}`, {
    hint: 'Nobody but you may name a host of a private network: configure it, if it is the one you meant',
  });
}
