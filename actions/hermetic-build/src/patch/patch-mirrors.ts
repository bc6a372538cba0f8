import { isIP } from 'node:net';
import { patchRefused } from './patch-error.js';

/** A host that package managers may reach; without `port` those of http and https. */
export interface Mirror {
  /** Lower case, without root dot; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

const DEFAULT_PORTS = [80, 443];
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** Where clouds answer with the credentials of the machine. */
const METADATA = /^(?:169\.254\.|168\.63\.129\.16$|fe80:|fd00:ec2:|metadata(?:\.google\.internal)?$)/;
const MAX_MIRRORS = 50;

/**
 * Reads lines of `patch-mirrors`: a host, or `host:port`, written out.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`
 */
export function readMirrors(lines: readonly string[]): readonly Mirror[] {
  if (lines.length > MAX_MIRRORS) throw refused(`there are more than ${MAX_MIRRORS} mirrors`);
  return lines.map(readMirror);
}

function readMirror(line: string): Mirror {
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

/** The spelling that mirrors are compared in. */
export function hostName(text: string): string {
  return text.toLowerCase().replace(/\.$/, '');
}

export function isMirror(mirrors: readonly Mirror[], host: string, port: number): boolean {
  return mirrors.some((mirror) =>
    mirror.host !== host ? false : mirror.port === undefined ? DEFAULT_PORTS.includes(port) : mirror.port === port,
  );
}

/** As it may stand in `patch-mirrors`. */
export function mirrorText({ host, port }: Mirror): string {
  const named = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? named : `${named}:${port}`;
}

function refused(state: string) {
  return patchRefused(state, 'Name one mirror per line in patch-mirrors, without scheme, path or wildcard');
}
