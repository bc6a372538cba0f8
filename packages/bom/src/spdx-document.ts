import { type Digest, digestHex } from '@paved/digest';
import { byText, contentUuid, type SbomSubject } from './identity.js';
import { parseDeclaredLicence } from './licence.js';
import { assertSbomSchema } from './schema.js';
import { licenceRef, NO_ASSERTION } from './spdx-names.js';

export type Json = Readonly<Record<string, unknown>>;

export const DOCUMENT = 'SPDXRef-DOCUMENT';
export const MAIN = 'SPDXRef-Subject';
/** What nobody looked into; SPDX wants it said. */
export const UNJUDGED = {
  licenseConcluded: NO_ASSERTION,
  copyrightText: NO_ASSERTION,
  filesAnalyzed: false,
} as const;

export function checksum(digest: Digest): Json {
  return { algorithm: digest.startsWith('sha256:') ? 'SHA256' : 'SHA512', checksumValue: digestHex(digest) };
}

/** One of several released files, as a package of its own. */
export function subjectFile(subject: SbomSubject, index: number): Json {
  return {
    SPDXID: `${MAIN}-File-${index + 1}`,
    name: subject.name,
    packageFileName: subject.name,
    supplier: NO_ASSERTION,
    downloadLocation: NO_ASSERTION,
    ...UNJUDGED,
    licenseDeclared: NO_ASSERTION,
    primaryPackagePurpose: 'FILE',
    checksums: [checksum(subject.digest)],
  };
}

/** Licences that are words of a package's own, which SPDX wants quoted once (SPDX 2.3 section 10). */
export function ownWords(licences: Iterable<string | undefined>): readonly Json[] {
  const found = new Map<string, string>();
  for (const licence of licences) {
    if (licence === undefined || licence.trim() === '') continue;
    const parsed = parseDeclaredLicence(licence);
    if (parsed.$case === 'name') found.set(licenceRef(parsed.name), parsed.name);
  }
  return [...found]
    .sort(([a], [b]) => byText(a, b))
    .map(([licenseId, extractedText]) => ({ licenseId, extractedText, name: NO_ASSERTION }));
}

/** The whole document as text: its namespace follows from its content, and it is checked against the published schema. */
export function spdxText(name: string, content: Json): string {
  const path = encodeURIComponent(name.toWellFormed()).slice(0, 200);
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: DOCUMENT,
    name,
    documentNamespace: `https://spdx.org/spdxdocs/${path}-${contentUuid(JSON.stringify({ name, content }))}`,
    ...content,
  };
  assertSbomSchema('spdx', document);
  return `${JSON.stringify(document, null, 2)}\n`;
}
