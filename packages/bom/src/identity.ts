import { createHash } from 'node:crypto';
import { type Digest, sha256 } from '@paved/digest';
import { BomError } from './error.js';

/** A file or image that the SBOM describes; `name` is how the reader finds it (file name, image name). */
export interface SbomSubject {
  readonly name: string;
  readonly digest: Digest;
}

/** What is not in the fetch manifest. Same manifest and same context give the same bytes. */
export interface SbomContext {
  /** At least one; all of one release. */
  readonly subjects: readonly SbomSubject[];
  readonly componentType: 'application' | 'container' | 'library';
  /** Override the root's own, when given. */
  readonly name?: string;
  readonly version?: string;
  /** `linux/arm64/v8`: one child of an image index, which is named by digest and never by a tag. */
  readonly platform?: string;
  /** RFC 3339; fractions of a second are dropped, because SPDX 2.3 section 6.9 knows none. */
  readonly created: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** Who makes the main component (NTIA minimum elements, "supplier"). */
  readonly supplier: { readonly name: string; readonly url?: string };
}

const URL_NAMESPACE = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

/** RFC 9562 version 5 over the content's SHA-256, so that equal content has an equal identity. */
export function contentUuid(content: string): string {
  const hash = createHash('sha1')
    .update(URL_NAMESPACE)
    .update(`urn:paved:${sha256(content)}`)
    .digest();
  hash.writeUInt8(((hash[6] ?? 0) & 0x0f) | 0x50, 6);
  hash.writeUInt8(((hash[8] ?? 0) & 0x3f) | 0x80, 8);
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** @throws {BomError} `FETCH_MANIFEST_INVALID` for a time that is not RFC 3339 */
export function wholeSeconds(created: string): string {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(created) ? Date.parse(created) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new BomError('FETCH_MANIFEST_INVALID', `Cannot date the SBOM "${created.slice(0, 50)}": it is not RFC 3339`, {
      hint: 'Give the time of the commit, as 2025-09-01T10:00:00Z',
    });
  }
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Code-unit order, which no locale changes. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The order in which documents list what they are about, whatever order it was given in. */
export function sortedSubjects(context: SbomContext): readonly SbomSubject[] {
  return [...context.subjects].sort((a, b) => byText(a.name, b.name) || byText(a.digest, b.digest));
}
