import { dependencyGraph } from './dependency-graph.js';
import type { FetchedPackage, FetchManifest } from './fetch-manifest.js';
import { byText, type SbomContext, sortedSubjects, wholeSeconds } from './identity.js';
import { checksum, DOCUMENT, type Json, MAIN, ownWords, spdxText, subjectFile, UNJUDGED } from './spdx-document.js';
import { declaredLicence as declared, elementId, NO_ASSERTION } from './spdx-names.js';

interface Relationship {
  readonly spdxElementId: string;
  readonly relationshipType: string;
  readonly relatedSpdxElement: string;
}

function purlReference(purl: string): Json {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl };
}

function packageOf(entry: FetchedPackage): Json {
  const checksums = [{ algorithm: 'SHA256', checksumValue: entry.digests.sha256 }];
  if (entry.digests.sha512 !== undefined) {
    checksums.push({ algorithm: 'SHA512', checksumValue: entry.digests.sha512 });
  }
  return {
    SPDXID: elementId(entry.purl),
    name: entry.name,
    versionInfo: entry.version,
    supplier: NO_ASSERTION,
    downloadLocation: NO_ASSERTION,
    ...UNJUDGED,
    licenseDeclared: declared(entry.licence),
    primaryPackagePurpose: 'LIBRARY',
    checksums,
    externalRefs: [purlReference(entry.purl)],
  };
}

function mainPackage(manifest: FetchManifest, context: SbomContext): Json {
  const [only] = context.subjects;
  const purpose = { application: 'APPLICATION', container: 'CONTAINER', library: 'LIBRARY' }[context.componentType];
  return {
    SPDXID: MAIN,
    name: context.name ?? manifest.root.name,
    versionInfo: context.version ?? manifest.root.version,
    supplier: `Organization: ${context.supplier.name}`,
    downloadLocation: NO_ASSERTION,
    ...(context.platform === undefined ? {} : { comment: `platform ${context.platform}` }),
    sourceInfo: `built from ${manifest.source.repository} at commit ${manifest.source.sha}`,
    ...UNJUDGED,
    licenseDeclared: declared(manifest.root.licence),
    primaryPackagePurpose: purpose,
    ...(only !== undefined && context.subjects.length === 1 ? { checksums: [checksum(only.digest)] } : {}),
    externalRefs: [purlReference(manifest.root.purl)],
  };
}

function relationships(manifest: FetchManifest, files: number): readonly Relationship[] {
  const graph = dependencyGraph(manifest);
  const edge = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string): Relationship => ({
    spdxElementId,
    relationshipType,
    relatedSpdxElement,
  });
  const edges = [edge(DOCUMENT, 'DESCRIBES', MAIN)];
  for (let index = 1; index <= files; index++) edges.push(edge(MAIN, 'CONTAINS', `${MAIN}-File-${index}`));
  for (const purl of graph.direct) edges.push(edge(MAIN, 'DEPENDS_ON', elementId(purl)));
  for (const entry of manifest.packages) {
    const from = elementId(entry.purl);
    if (entry.scope === 'development') edges.push(edge(from, 'DEV_DEPENDENCY_OF', MAIN));
    for (const purl of graph.dependenciesOf.get(entry.purl) ?? [])
      edges.push(edge(from, 'DEPENDS_ON', elementId(purl)));
  }
  // SPDX 2.3 section 11.1.2: a relationship to NONE says that there is no other.
  if (graph.complete && graph.direct.length === 0) edges.push(edge(MAIN, 'DEPENDS_ON', 'NONE'));
  if (!graph.complete) edges.push(edge(MAIN, 'DEPENDS_ON', NO_ASSERTION));
  const key = (item: Relationship) => `${item.spdxElementId}\0${item.relationshipType}\0${item.relatedSpdxElement}`;
  return edges.sort((a, b) => byText(key(a), key(b)));
}

/**
 * SPDX 2.3 JSON of one release, checked against the published schema, with the guarantees of `buildCycloneDx`: same input, same
 * bytes. Packages of development scope are `DEV_DEPENDENCY_OF` the subject, also the indirect ones.
 * @throws {BomError} `SBOM_SCHEMA_INVALID`, `FETCH_MANIFEST_INVALID` for a time that is not RFC 3339
 */
export function buildSpdx(manifest: FetchManifest, context: SbomContext): string {
  const subjects = sortedSubjects(context);
  const files = subjects.length === 1 ? [] : subjects.map(subjectFile);
  const packages = [...manifest.packages].sort((a, b) => byText(a.purl, b.purl));
  const name = context.name ?? manifest.root.name;
  const extracted = ownWords([manifest.root, ...manifest.packages].map(({ licence }) => licence));
  const content = {
    creationInfo: {
      created: wholeSeconds(context.created),
      creators: [`Organization: ${context.supplier.name}`, `Tool: ${context.tool.name}-${context.tool.version}`],
    },
    packages: [mainPackage(manifest, context), ...files, ...packages.map(packageOf)],
    relationships: relationships(manifest, files.length),
    ...(extracted.length === 0 ? {} : { hasExtractedLicensingInfos: extracted }),
  };
  return spdxText(name, content);
}
