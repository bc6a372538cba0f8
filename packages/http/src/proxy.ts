import { BlockList, isIP } from 'node:net';
import { HttpError } from './error.js';

/** What `https_proxy`, `http_proxy` and `no_proxy` say, as users write it. */
export interface ProxySettings {
  /** Proxy for https addresses: `http://[user:password@]host[:port]`, or https. */
  readonly https?: string | undefined;
  /** Proxy for http addresses. */
  readonly http?: string | undefined;
  /**
   * What is reached without a proxy: names with their subdomains, addresses, networks (`10.0.0.0/8`), each with or without a port, or
   * `*`; between commas. This machine itself always is.
   */
  readonly except?: string | undefined;
}

/** Where a proxy is, and what is sent to it and to nobody else. */
export interface ForwardProxy {
  readonly isSecure: boolean;
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** `host:port`, for messages: it carries no credential. */
  readonly name: string;
  /** Value of Proxy-Authorization. */
  readonly authorization: string | undefined;
}

/**
 * The proxy that leads to an address; `undefined` where there is none or the address is an exception.
 * @throws {HttpError} `HTTP_PROXY_INVALID`, which quotes nothing: what cannot be read may be a password
 */
export function proxyFor(url: URL, settings: ProxySettings | undefined): ForwardProxy | undefined {
  const kind = url.protocol === 'https:' ? 'https' : 'http';
  const text = settings?.[kind]?.trim();
  if (text === undefined || text === '' || isException(url, settings?.except ?? '')) return undefined;
  return parseProxy(text, kind);
}

function parseProxy(text: string, kind: string): ForwardProxy {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  // More than a host is a password that was not encoded: its rest would be taken for a path, and its begin for a host.
  const isHostAlone = url !== null && url.pathname.length <= 1 && url.search === '' && url.hash === '';
  if (!isHostAlone || url.hostname === '') throw invalid(kind, 'its address is not a URL of a host');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(kind, 'it is neither http nor https');
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port || (isSecure ? 443 : 80));
  const { hostname } = url;
  return {
    isSecure,
    host: withoutBrackets(hostname),
    port,
    name: `${hostname}:${port}`,
    authorization: authorizationOf(url, kind),
  };
}

function authorizationOf({ username, password }: URL, kind: string): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
  } catch {
    throw invalid(kind, 'its user name or password is not encoded');
  }
}

function invalid(kind: string, state: string): HttpError {
  return new HttpError('HTTP_PROXY_INVALID', `Cannot use the proxy for ${kind}: ${state}`, {
    onlyCure: true,
    hint: `Set ${kind}_proxy to http://host:port or http://user:password@host:port, with each special character of user and password as %XX`,
  });
}

/** All that has to be hidden of a setting, also of one that is no URL: the password, or a user name without one, and both together. */
export function proxyCredentials(settings: ProxySettings): readonly string[] {
  return [settings.https, settings.http].flatMap((text) => {
    // To the last @: a password that was not encoded may have one.
    const userInfo = /^(?:[^:/@]*:\/\/)?(.*)@/s.exec(text?.trim() ?? '')?.[1];
    if (userInfo === undefined || userInfo === '') return [];
    const colon = userInfo.indexOf(':');
    const [user, password] = colon < 0 ? [userInfo, ''] : [userInfo.slice(0, colon), userInfo.slice(colon + 1)];
    const basic = `${decoded(user)}:${decoded(password)}`;
    const secret = password === '' ? user : password;
    return [secret, decoded(secret), basic, Buffer.from(basic).toString('base64')].filter((value) => value !== '');
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function isException(url: URL, list: string): boolean {
  const host = withoutBrackets(url.hostname).replace(/\.$/, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  // For a proxy this would be a way to itself.
  if (/^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|::1)$/.test(host)) return true;
  return list.split(/[\s,]+/).some((entry) => entry !== '' && covers(entry.toLowerCase(), host, port));
}

const NETWORK = /^\[?([0-9a-f.:]+)\]?\/(\d{1,3})$/;

function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, net, prefix] = NETWORK.exec(entry) ?? [];
  if (net !== undefined) return isInNetwork(host, net, Number(prefix));
  // The colons of IPv6 are no port.
  const [, name = entry, ownPort] = isIP(entry) === 6 ? [] : (/^(.*?)(?::(\d+))?$/s.exec(entry) ?? []);
  if (ownPort !== undefined && ownPort !== port) return false;
  const bare = withoutBrackets(name)
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  if (isIP(bare) !== 0) return isInNetwork(host, bare, isIP(bare) === 4 ? 32 : 128);
  return bare !== '' && (host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`)));
}

function isInNetwork(host: string, net: string, prefix: number): boolean {
  const family = isIP(net);
  if (family === 0 || isIP(host) !== family || prefix > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(net, prefix, type);
  return list.check(host, type);
}
