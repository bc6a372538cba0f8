import { isIP } from 'node:net';

/** A host that an input names; without `port` those of http and https. */
export interface ListedHost {
  /** Lower case, without root dot; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

const DEFAULT_PORTS = [80, 443];
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** Where clouds answer with the credentials of the machine. */
const METADATA = /^(?:169\.254\.|168\.63\.129\.16$|fe80:|fd00:ec2:|metadata(?:\.google\.internal)?$)/;

/** Reads lines with a host, or `host:port`, written out; `refused` makes the error for what is none. */
export function readHosts(lines: readonly string[], refused: (state: string) => Error): readonly ListedHost[] {
  return lines.map((line) => readHost(line, refused));
}

function readHost(line: string, refused: (state: string) => Error): ListedHost {
  const text = line.trim().toLowerCase();
  const bracketed = /^\[([0-9a-f:.]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([^:/\s[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const [, rawHost = '', rawPort] = bracketed ?? plain ?? [];
  const host = hostName(rawHost);
  const port = rawPort === undefined ? undefined : Number(rawPort);
  const sound = bracketed === null ? NAME.test(host) && isPlain(host) : isIP(host) === 6;
  if (!sound || (port !== undefined && (port < 1 || port > 65_535))) {
    throw refused(`"${line.slice(0, 100)}" is no host such as mirror.example`);
  }
  if (METADATA.test(host)) throw refused(`"${host}" is an address of the machine's own metadata`);
  return { host, port };
}

/** What looks like a number is one in four parts: others are read as an address by some resolvers. */
function isPlain(host: string): boolean {
  return isIP(host) === 4 || !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host);
}

/** The spelling that hosts are compared in. */
export function hostName(text: string): string {
  return text.toLowerCase().replace(/\.$/, '');
}

export function isListed(hosts: readonly ListedHost[], host: string, port: number): boolean {
  return hosts.some((listed) =>
    listed.host !== host ? false : listed.port === undefined ? DEFAULT_PORTS.includes(port) : listed.port === port,
  );
}
