import { digestHex } from '@paved/digest';
import type { Bom, BomComponent } from './bom.js';
import { contentUuid, type SbomContext, type SbomSubject, sortedSubjects, wholeSeconds } from './identity.js';
import { parseDeclaredLicence } from './licence.js';
import { MAIN_REF } from './merge-boms.js';
import { assertSbomSchema, type CycloneDxVersion } from './schema.js';

type Json = Readonly<Record<string, unknown>>;

/** Algorithms that CycloneDX names; others have no place in its `hashes`. */
const ALGORITHMS =
  /^(?:MD5|SHA-1|SHA-256|SHA-384|SHA-512|SHA3-256|SHA3-384|SHA3-512|BLAKE2b-256|BLAKE2b-384|BLAKE2b-512|BLAKE3)$/;
const DIGEST = /^(?:[a-f0-9]{32}|[a-f0-9]{40}|[a-f0-9]{64}|[a-f0-9]{96}|[a-f0-9]{128})$/;

/** Several licences are a list; an expression has to stand alone, so several with one among them become one expression. */
function licences(declared: readonly string[], version: CycloneDxVersion): Json {
  if (declared.length === 0) return {};
  const parsed = declared.map(parseDeclaredLicence);
  const mark = version === '1.5' ? {} : { acknowledgement: 'declared' };
  if (parsed.length > 1 && parsed.some(({ $case }) => $case === 'expression')) {
    if (parsed.every(({ $case }) => $case !== 'name')) {
      const all = parsed.map((item) =>
        item.$case === 'id' ? item.id : `(${'expression' in item ? item.expression : ''})`,
      );
      return { licenses: [{ expression: all.join(' AND '), ...mark }] };
    }
    return { licenses: declared.map((name) => ({ license: { name, ...mark } })) };
  }
  return {
    licenses: parsed.map((item) => {
      if (item.$case === 'expression') return { expression: item.expression, ...mark };
      return { license: item.$case === 'id' ? { id: item.id, ...mark } : { name: item.name, ...mark } };
    }),
  };
}

function names({ name, purl }: BomComponent): Json {
  const scoped = purl?.startsWith('pkg:npm/') ? /^(@[^/]+)\/(.+)$/.exec(name) : null;
  return scoped === null ? { name } : { group: scoped[1], name: scoped[2] };
}

function component(entry: BomComponent, direct: ReadonlySet<string>, version: CycloneDxVersion): Json {
  const hashes = entry.hashes.filter(({ alg, content }) => ALGORITHMS.test(alg) && DIGEST.test(content));
  return {
    // 1.6 brought the word.
    type: version === '1.5' && entry.type === 'cryptographic-asset' ? 'data' : entry.type,
    'bom-ref': entry.ref,
    ...(entry.supplier === undefined ? {} : { supplier: { name: entry.supplier } }),
    ...names(entry),
    ...(entry.version === undefined ? {} : { version: entry.version }),
    scope: entry.scope === 'development' ? 'excluded' : 'required',
    ...(hashes.length === 0 ? {} : { hashes }),
    ...licences(entry.licences, version),
    ...(entry.cpe === undefined ? {} : { cpe: entry.cpe }),
    ...(entry.purl === undefined ? {} : { purl: entry.purl }),
    ...(entry.locations.length === 0
      ? {}
      : { evidence: { occurrences: entry.locations.map((location) => ({ location })) } }),
    properties: [
      { name: 'paved:direct', value: String(direct.has(entry.ref)) },
      ...(entry.lockDigest === undefined ? [] : [{ name: 'paved:lock-digest', value: entry.lockDigest }]),
    ],
  };
}

function hashOf({ digest }: SbomSubject): Json {
  return { alg: digest.startsWith('sha256:') ? 'SHA-256' : 'SHA-512', content: digestHex(digest) };
}

function mainComponent(bom: Bom, context: SbomContext, version: CycloneDxVersion): Json {
  const subjects = sortedSubjects(context);
  const [only] = subjects;
  const single = only !== undefined && subjects.length === 1;
  const own = context.version ?? bom.main?.version;
  const files = subjects.map((subject, index) => ({
    type: 'file',
    'bom-ref': `${MAIN_REF}/${index + 1}`,
    name: subject.name,
    hashes: [hashOf(subject)],
  }));
  return {
    type: context.componentType,
    'bom-ref': MAIN_REF,
    supplier: organisation(context.supplier),
    name: context.name ?? bom.name,
    ...(own === undefined ? {} : { version: own }),
    ...(single ? { hashes: [hashOf(only)] } : {}),
    ...licences(bom.main?.licences ?? [], version),
    ...(bom.main?.purl === undefined ? {} : { purl: bom.main.purl }),
    ...(bom.source === undefined ? {} : { externalReferences: [vcs(bom.source)] }),
    ...(single ? {} : { components: files }),
    ...(context.platform === undefined ? {} : { properties: [{ name: 'paved:platform', value: context.platform }] }),
  };
}

function vcs({ repository, commit }: NonNullable<Bom['source']>): Json {
  return { type: 'vcs', url: repository, comment: `commit ${commit}` };
}

function organisation({ name, url }: SbomContext['supplier']): Json {
  return url === undefined ? { name } : { name, url: [url] };
}

function tools(bom: Bom, { tool }: SbomContext): Json {
  const all = [tool, ...bom.tools.filter(({ name }) => name !== tool.name)];
  return { components: all.map((entry) => ({ type: 'application', ...entry })) };
}

const PHASES = ['design', 'pre-build', 'build', 'post-build', 'operations', 'discovery', 'decommission'];

/**
 * CycloneDX JSON of a merged bill ({@link mergeBoms}), enriched with what only the caller knows: the digests of the subject, supplier,
 * tool and time. Same input, same bytes; checked against the published schema.
 * @throws {BomError} `SBOM_SCHEMA_INVALID`, `FETCH_MANIFEST_INVALID` for a time that is not RFC 3339
 */
export function writeCycloneDx(bom: Bom, context: SbomContext, version: CycloneDxVersion = '1.6'): string {
  const direct = new Set(bom.dependencies.get(MAIN_REF) ?? []);
  const edges = [...bom.dependencies].filter(([ref]) => ref !== MAIN_REF);
  const phases = bom.lifecycles.map((phase) => (PHASES.includes(phase) ? { phase } : { name: phase }));
  const lockfiles = (bom.lockfiles ?? []).map(({ path, sha256 }) => ({
    name: `paved:lockfile:${path}`,
    value: `sha256:${sha256}`,
  }));
  const content = {
    version: 1,
    metadata: {
      timestamp: wholeSeconds(context.created),
      lifecycles: phases.length === 0 ? [{ phase: 'post-build' }] : phases,
      tools: tools(bom, context),
      authors: [{ name: context.supplier.name }],
      component: mainComponent(bom, context, version),
      supplier: organisation(context.supplier),
      ...(lockfiles.length === 0 ? {} : { properties: lockfiles }),
    },
    components: bom.components.map((entry) => component(entry, direct, version)),
    dependencies: [
      { ref: MAIN_REF, dependsOn: bom.dependencies.get(MAIN_REF) ?? [] },
      ...edges.map(([ref, dependsOn]) => ({ ref, dependsOn })),
    ],
    compositions: [
      { aggregate: bom.completeness, dependencies: [MAIN_REF, ...edges.map(([ref]) => ref)] },
      { aggregate: 'unknown', assemblies: [MAIN_REF] },
    ],
  };
  const document = {
    $schema: `http://cyclonedx.org/schema/bom-${version}.schema.json`,
    bomFormat: 'CycloneDX',
    specVersion: version,
    serialNumber: `urn:uuid:${contentUuid(JSON.stringify({ specVersion: version, ...content }))}`,
    ...content,
  };
  assertSbomSchema('cyclonedx', document);
  return `${JSON.stringify(document, null, 2)}\n`;
}
