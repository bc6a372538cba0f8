import { invalid } from './place-packages.js';

/** One package as yarn 2 and later names it: `name@protocol:selector::key=value&key=value`. */
export interface Locator {
  readonly name: string;
  /** All after the name. */
  readonly reference: string;
  /** With its colon; of an address, `https:`. */
  readonly protocol: string;
  readonly selector: string;
  readonly bound: ReadonlyMap<string, string>;
}

/** @throws {HermeticBuildError} `LOCKFILE_INVALID` */
export function parseLocator(text: string): Locator {
  const at = text.indexOf('@', 1);
  if (at === -1) throw invalid(`"${text.slice(0, 200)}" names no package`);
  const reference = text.slice(at + 1);
  const [, protocol, selector, bound = ''] = /^([a-z][a-z+]*:)(.*?)(?:::(.*))?$/s.exec(reference) ?? [];
  if (protocol === undefined || selector === undefined) {
    // What yarn takes for git has no protocol: `user/repository#commit=...`.
    return { name: text.slice(0, at), reference, protocol: 'git:', selector: reference, bound: new Map() };
  }
  return { name: text.slice(0, at), reference, protocol, selector, bound: new Map(new URLSearchParams(bound)) };
}

/** yarn takes a version, range or tag without a protocol for `npm:`; a slash makes it something else. */
export function rangeWithProtocol(range: string): string {
  return /^[a-z][a-z+]*:/.test(range) || range.includes('/') ? range : `npm:${range}`;
}
