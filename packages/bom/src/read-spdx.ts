import { type Digest, isDigest } from '@paved/digest';
import { array, object, optional, string } from '@paved/json';
import { usablePurl } from './purl.js';
import type { Sbom, SbomComponent } from './sbom.js';

const spdxPackage = object({
  SPDXID: string,
  name: string,
  versionInfo: optional(string),
  primaryPackagePurpose: optional(string),
  licenseDeclared: optional(string),
  checksums: optional(array(object({ algorithm: string, checksumValue: string }))),
  externalRefs: optional(array(object({ referenceType: string, referenceLocator: string }))),
});
type SpdxPackage = ReturnType<typeof spdxPackage>;

const relationship = object({ spdxElementId: string, relationshipType: string, relatedSpdxElement: string });
const document = object({
  spdxVersion: string,
  name: string,
  documentDescribes: optional(array(string)),
  packages: optional(array(spdxPackage)),
  relationships: optional(array(relationship)),
  hasExtractedLicensingInfos: optional(array(object({ licenseId: string, extractedText: string }))),
});
type Document = ReturnType<typeof document>;

function digests(entry: SpdxPackage): readonly Digest[] {
  const named = (entry.checksums ?? []).map(
    ({ algorithm, checksumValue }) => `${algorithm.toLowerCase()}:${checksumValue.toLowerCase()}`,
  );
  return [...named, entry.versionInfo ?? ''].filter(isDigest);
}

function licencesOf(entry: SpdxPackage, extracted: ReadonlyMap<string, string>): readonly string[] {
  const declared = entry.licenseDeclared ?? 'NOASSERTION';
  if (declared === 'NOASSERTION' || declared === 'NONE') return [];
  return [extracted.get(declared) ?? declared];
}

/** Both ends of an edge, read in the direction "from needs to". */
function needs(doc: Document, forward: string, backward: string): readonly (readonly [string, string])[] {
  return (doc.relationships ?? []).flatMap(({ spdxElementId: a, relationshipType, relatedSpdxElement: b }) => {
    if (relationshipType === forward) return [[a, b] as const];
    return relationshipType === backward ? [[b, a] as const] : [];
  });
}

/** Reads a document that already passed the schema of SPDX 2.3. */
export function readSpdx(value: unknown): Sbom {
  const doc = document(value);
  const described = needs(doc, 'DESCRIBES', 'DESCRIBED_BY').filter(([from]) => from === 'SPDXRef-DOCUMENT');
  const main = new Set([...(doc.documentDescribes ?? []), ...described.map(([, to]) => to)]);
  const contained = needs(doc, 'CONTAINS', 'CONTAINED_BY').filter(([from]) => main.has(from));
  const inside = new Set(contained.map(([, to]) => to));
  const required = needs(doc, 'DEPENDS_ON', 'DEPENDENCY_OF').filter(([from]) => main.has(from));
  const direct = new Set(required.map(([, to]) => to));
  const development = new Set(needs(doc, '', 'DEV_DEPENDENCY_OF').map(([, to]) => to));
  const extracted = new Map(doc.hasExtractedLicensingInfos?.map((info) => [info.licenseId, info.extractedText]));
  const packages = doc.packages ?? [];
  const isFile = (entry: SpdxPackage) => entry.primaryPackagePurpose === 'FILE';
  const first = packages.find((entry) => main.has(entry.SPDXID));
  // Attack: a document that describes a vulnerable package beside the artifact. What has no digest is held to nothing.
  const isSubject = (entry: SpdxPackage) =>
    main.has(entry.SPDXID) && (entry === first || purlOf(entry) === undefined || digests(entry).length > 0);
  return {
    kind: 'spdx',
    version: doc.spdxVersion.replace('SPDX-', ''),
    name: packages.find((entry) => main.has(entry.SPDXID))?.name ?? doc.name,
    subjects: packages
      .filter((entry) => main.has(entry.SPDXID) || (isFile(entry) && inside.has(entry.SPDXID)))
      .flatMap(digests),
    components: packages
      .filter((entry) => !isSubject(entry) && (!isFile(entry) || purlOf(entry) !== undefined))
      .map((entry) => toComponent(entry, direct, development, extracted)),
  };
}

function purlOf({ externalRefs }: SpdxPackage): string | undefined {
  return usablePurl(externalRefs?.find(({ referenceType }) => referenceType === 'purl')?.referenceLocator);
}

function toComponent(
  entry: SpdxPackage,
  direct: ReadonlySet<string>,
  development: ReadonlySet<string>,
  extracted: ReadonlyMap<string, string>,
): SbomComponent {
  const purl = purlOf(entry);
  return {
    ...(purl === undefined ? {} : { purl }),
    name: entry.name,
    ...(entry.versionInfo === undefined ? {} : { version: entry.versionInfo }),
    licences: licencesOf(entry, extracted),
    scope: development.has(entry.SPDXID) ? 'development' : 'runtime',
    direct: direct.has(entry.SPDXID),
  };
}
