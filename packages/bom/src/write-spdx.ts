import type { Bom, BomComponent } from './bom.js';
import { byText, type SbomContext, sortedSubjects, wholeSeconds } from './identity.js';
import { MAIN_REF } from './merge-boms.js';
import { checksum, DOCUMENT, type Json, MAIN, ownWords, spdxText, subjectFile, UNJUDGED } from './spdx-document.js';
import { declaredLicence, elementId, NO_ASSERTION } from './spdx-names.js';

const PURPOSES: Readonly<Record<string, string>> = {
  application: 'APPLICATION',
  container: 'CONTAINER',
  device: 'DEVICE',
  file: 'FILE',
  firmware: 'FIRMWARE',
  framework: 'FRAMEWORK',
  library: 'LIBRARY',
  'operating-system': 'OPERATING_SYSTEM',
};
/** Spelling of CycloneDX to that of SPDX 2.3 section 7.10. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  MD5: 'MD5',
  'SHA-1': 'SHA1',
  'SHA-256': 'SHA256',
  'SHA-384': 'SHA384',
  'SHA-512': 'SHA512',
  'SHA3-256': 'SHA3-256',
  'SHA3-384': 'SHA3-384',
  'SHA3-512': 'SHA3-512',
};

/** Several licences all hold: SPDX has one field for them. */
function declared(licences: readonly string[]): string {
  const parts = licences.map(declaredLicence).filter((part) => part !== NO_ASSERTION);
  if (parts.length === 0) return NO_ASSERTION;
  return parts.length === 1
    ? (parts[0] ?? NO_ASSERTION)
    : parts.map((part) => (part.includes(' ') ? `(${part})` : part)).join(' AND ');
}

function references({ purl, cpe }: Partial<BomComponent>): Json {
  const refs = [
    ...(purl === undefined
      ? []
      : [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }]),
    ...(cpe === undefined || !cpe.startsWith('cpe:2.3:')
      ? []
      : [{ referenceCategory: 'SECURITY', referenceType: 'cpe23Type', referenceLocator: cpe }]),
  ];
  return refs.length === 0 ? {} : { externalRefs: refs };
}

function packageOf(entry: BomComponent): Json {
  const checksums = entry.hashes.flatMap(({ alg, content }) => {
    const algorithm = ALGORITHMS[alg];
    return algorithm === undefined ? [] : [{ algorithm, checksumValue: content }];
  });
  const purpose = PURPOSES[entry.type];
  return {
    SPDXID: elementId(entry.ref),
    name: entry.name === '' ? NO_ASSERTION : entry.name,
    ...(entry.version === undefined ? {} : { versionInfo: entry.version }),
    supplier: entry.supplier === undefined ? NO_ASSERTION : `Organization: ${entry.supplier}`,
    downloadLocation: NO_ASSERTION,
    ...(entry.locations.length === 0 ? {} : { sourceInfo: `found in ${entry.locations.join(', ')}` }),
    ...UNJUDGED,
    licenseDeclared: declared(entry.licences),
    primaryPackagePurpose: purpose ?? 'OTHER',
    ...(checksums.length === 0 ? {} : { checksums }),
    ...references(entry),
  };
}

/** SPDX has no field for lock files: they stand with the commit, in the words of section 7.12. */
function originOf({ source, lockfiles = [] }: Bom): string {
  const built = source === undefined ? [] : [`built from ${source.repository} at commit ${source.commit}`];
  return [...built, ...lockfiles.map(({ path, sha256 }) => `${path} sha256:${sha256}`)].join('; ');
}

function mainPackage(bom: Bom, context: SbomContext): Json {
  const [only] = context.subjects;
  const version = context.version ?? bom.main?.version;
  const origin = originOf(bom);
  return {
    SPDXID: MAIN,
    name: context.name ?? bom.name,
    ...(version === undefined ? {} : { versionInfo: version }),
    supplier: `Organization: ${context.supplier.name}`,
    downloadLocation: NO_ASSERTION,
    ...(context.platform === undefined ? {} : { comment: `platform ${context.platform}` }),
    ...(origin === '' ? {} : { sourceInfo: origin }),
    ...UNJUDGED,
    licenseDeclared: declared(bom.main?.licences ?? []),
    primaryPackagePurpose: PURPOSES[context.componentType] ?? 'OTHER',
    ...(only !== undefined && context.subjects.length === 1 ? { checksums: [checksum(only.digest)] } : {}),
    ...references({ ...(bom.main?.purl === undefined ? {} : { purl: bom.main.purl }) }),
  };
}

function relationships(bom: Bom, files: number): readonly Json[] {
  const edges: [string, string, string][] = [[DOCUMENT, 'DESCRIBES', MAIN]];
  const id = (ref: string) => (ref === MAIN_REF ? MAIN : elementId(ref));
  for (let index = 1; index <= files; index++) edges.push([MAIN, 'CONTAINS', `${MAIN}-File-${index}`]);
  for (const [ref, needed] of bom.dependencies) for (const to of needed) edges.push([id(ref), 'DEPENDS_ON', id(to)]);
  for (const { ref, scope } of bom.components) {
    if (scope === 'development') edges.push([id(ref), 'DEV_DEPENDENCY_OF', MAIN]);
  }
  // SPDX 2.3 section 11.1.2: a relationship to NONE says that there is no other, to NOASSERTION that there may be.
  const told = (bom.dependencies.get(MAIN_REF) ?? []).length > 0;
  if (bom.completeness !== 'complete') edges.push([MAIN, 'DEPENDS_ON', NO_ASSERTION]);
  else if (!told) edges.push([MAIN, 'DEPENDS_ON', 'NONE']);
  return edges
    .sort((a, b) => byText(a.join('\0'), b.join('\0')))
    .map(([spdxElementId, relationshipType, relatedSpdxElement]) => ({
      spdxElementId,
      relationshipType,
      relatedSpdxElement,
    }));
}

/** SPDX 2.3 JSON of a merged bill, with the guarantees of `writeCycloneDx`. */
export function writeSpdx(bom: Bom, context: SbomContext): string {
  const subjects = sortedSubjects(context);
  const files = subjects.length === 1 ? [] : subjects.map(subjectFile);
  const name = context.name ?? bom.name;
  const extracted = ownWords([bom.main, ...bom.components].flatMap((entry) => entry?.licences ?? []));
  const others = bom.tools.filter((tool) => tool.name !== context.tool.name);
  const creators = [context.tool, ...others].map(
    (tool) => `Tool: ${tool.name}${tool.version === undefined ? '' : `-${tool.version}`}`,
  );
  const content = {
    creationInfo: {
      created: wholeSeconds(context.created),
      creators: [`Organization: ${context.supplier.name}`, ...creators],
    },
    packages: [mainPackage(bom, context), ...files, ...bom.components.map(packageOf)],
    relationships: relationships(bom, files.length),
    ...(extracted.length === 0 ? {} : { hasExtractedLicensingInfos: extracted }),
  };
  return spdxText(name, content);
}
