import { digestHex } from '@paved/digest';
import { type DependencyGraph, dependencyGraph } from './dependency-graph.js';
import type { FetchedPackage, FetchManifest } from './fetch-manifest.js';
import { byText, contentUuid, type SbomContext, type SbomSubject, sortedSubjects, wholeSeconds } from './identity.js';
import { parseDeclaredLicence } from './licence.js';
import { assertSbomSchema, type CycloneDxVersion } from './schema.js';

type Json = Readonly<Record<string, unknown>>;

/** Not a purl: the root's purl may also be one of its own packages. */
const MAIN_REF = 'subject';

function licences(text: string | undefined, version: CycloneDxVersion): Json {
  // 1.6 brought the field.
  const mark = version === '1.5' ? {} : { acknowledgement: 'declared' };
  if (text === undefined || text.trim() === '') return {};
  const licence = parseDeclaredLicence(text);
  switch (licence.$case) {
    case 'id':
      return { licenses: [{ license: { id: licence.id, ...mark } }] };
    case 'expression':
      return { licenses: [{ expression: licence.expression, ...mark }] };
    case 'name':
      return { licenses: [{ license: { name: licence.name, ...mark } }] };
  }
}

function hashOf(subject: SbomSubject): Json {
  return { alg: subject.digest.startsWith('sha256:') ? 'SHA-256' : 'SHA-512', content: digestHex(subject.digest) };
}

function names(entry: FetchedPackage): Json {
  const scoped = entry.ecosystem === 'npm' ? /^(@[^/]+)\/(.+)$/.exec(entry.name) : null;
  return scoped === null ? { name: entry.name } : { group: scoped[1], name: scoped[2] };
}

function component(entry: FetchedPackage, version: CycloneDxVersion): Json {
  const hashes = [{ alg: 'SHA-256', content: entry.digests.sha256 }];
  if (entry.digests.sha512 !== undefined) hashes.push({ alg: 'SHA-512', content: entry.digests.sha512 });
  const properties = [
    { name: 'paved:direct', value: String(entry.direct) },
    ...(entry.lockDigest === '' ? [] : [{ name: 'paved:lock-digest', value: entry.lockDigest }]),
  ];
  const occurrences = [...new Set(entry.locations)].sort(byText).map((location) => ({ location }));
  return {
    type: 'library',
    'bom-ref': entry.purl,
    ...names(entry),
    version: entry.version,
    scope: entry.scope === 'development' ? 'excluded' : 'required',
    hashes,
    ...licences(entry.licence, version),
    purl: entry.purl,
    ...(occurrences.length === 0 ? {} : { evidence: { occurrences } }),
    properties,
  };
}

/** One subject: its hash is the main component's. Several: each is a file inside the main component. */
function mainComponent(manifest: FetchManifest, context: SbomContext, version: CycloneDxVersion): Json {
  const subjects = sortedSubjects(context);
  const [only] = subjects;
  const files = subjects.map((subject, index) => ({
    type: 'file',
    'bom-ref': `${MAIN_REF}/${index + 1}`,
    name: subject.name,
    hashes: [hashOf(subject)],
  }));
  const single = only !== undefined && subjects.length === 1;
  return {
    type: context.componentType,
    'bom-ref': MAIN_REF,
    supplier: supplier(context),
    name: context.name ?? manifest.root.name,
    version: context.version ?? manifest.root.version,
    ...(single ? { hashes: [hashOf(only)] } : {}),
    ...licences(manifest.root.licence, version),
    purl: manifest.root.purl,
    externalReferences: [{ type: 'vcs', url: manifest.source.repository, comment: `commit ${manifest.source.sha}` }],
    ...(context.platform === undefined ? {} : { properties: [{ name: 'paved:platform', value: context.platform }] }),
    ...(single ? {} : { components: files }),
  };
}

function supplier({ supplier: { name, url } }: SbomContext): Json {
  return url === undefined ? { name } : { name, url: [url] };
}

function metadata(manifest: FetchManifest, context: SbomContext, version: CycloneDxVersion): Json {
  const lockfiles = [...manifest.lockfiles].sort((a, b) => byText(a.path, b.path));
  return {
    timestamp: wholeSeconds(context.created),
    lifecycles: [{ phase: 'build' }],
    tools: { components: [{ type: 'application', name: context.tool.name, version: context.tool.version }] },
    component: mainComponent(manifest, context, version),
    supplier: supplier(context),
    properties: lockfiles.map(({ path, sha256 }) => ({ name: `paved:lockfile:${path}`, value: `sha256:${sha256}` })),
  };
}

function dependencies(graph: DependencyGraph): readonly Json[] {
  const refs = [...graph.dependenciesOf.keys()].sort(byText);
  return [
    { ref: MAIN_REF, dependsOn: graph.direct },
    ...refs.map((ref) => ({ ref, dependsOn: graph.dependenciesOf.get(ref) ?? [] })),
  ];
}

/** What was fetched is all that a hermetic build can have used from outside; what lies in the source tree itself is not looked at. */
function compositions(graph: DependencyGraph): readonly Json[] {
  const refs = [MAIN_REF, ...[...graph.dependenciesOf.keys()].sort(byText)];
  return [
    { aggregate: graph.complete ? 'complete' : 'incomplete', dependencies: refs },
    { aggregate: 'unknown', assemblies: [MAIN_REF] },
  ];
}

/**
 * CycloneDX JSON of one release, checked against the published schema. Byte-deterministic: the serial number is derived from
 * the content, every list is sorted, and the only time is `context.created`.
 * @throws {BomError} `SBOM_SCHEMA_INVALID`, `FETCH_MANIFEST_INVALID` for a time that is not RFC 3339
 */
export function buildCycloneDx(
  manifest: FetchManifest,
  context: SbomContext,
  version: CycloneDxVersion = '1.6',
): string {
  const graph = dependencyGraph(manifest);
  const packages = [...manifest.packages].sort((a, b) => byText(a.purl, b.purl));
  const content = {
    version: 1,
    metadata: metadata(manifest, context, version),
    components: packages.map((entry) => component(entry, version)),
    dependencies: dependencies(graph),
    compositions: compositions(graph),
  };
  const document = {
    $schema: `http://cyclonedx.org/schema/bom-${version}.schema.json`,
    bomFormat: 'CycloneDX',
    specVersion: version,
    serialNumber: `urn:uuid:${contentUuid(JSON.stringify(content))}`,
    ...content,
  };
  assertSbomSchema('cyclonedx', document);
  return `${JSON.stringify(document, null, 2)}\n`;
}
