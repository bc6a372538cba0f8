import { type Digest, isDigest } from '@paved/digest';
import { array, type Decoder, literal, object, optional, string, unknown } from '@paved/json';
import { usablePurl } from './purl.js';
import type { Sbom, SbomComponent } from './sbom.js';

const hash = object({ alg: string, content: string });
const licence = object({
  license: optional(object({ id: optional(string), name: optional(string) })),
  expression: optional(string),
});
const component = object({
  type: string,
  'bom-ref': optional(string),
  group: optional(string),
  name: string,
  version: optional(string),
  scope: optional(literal('required', 'optional', 'excluded')),
  purl: optional(string),
  hashes: optional(array(hash)),
  licenses: optional(array(licence)),
  components: optional(array(unknown)),
});
type Component = ReturnType<typeof component>;

const document = object({
  specVersion: string,
  metadata: optional(object({ component: optional(component) })),
  components: optional(array(component)),
  dependencies: optional(array(object({ ref: string, dependsOn: optional(array(string)) }))),
});

/** Types that are no package anybody publishes advisories for, unless they are named as one. */
const NOT_A_PACKAGE = new Set(['file', 'data', 'device', 'cryptographic-asset']);

/** The depth is bounded by the parser in front. */
function flatten(components: readonly Component[], decode: Decoder<Component>): readonly Component[] {
  return components.flatMap((entry) => [
    entry,
    ...flatten(
      (entry.components ?? []).map((child) => decode(child)),
      decode,
    ),
  ]);
}

function digests({ hashes = [], version, purl }: Component): readonly Digest[] {
  const named = hashes.map(({ alg, content }) => `${alg.toLowerCase().replace('-', '')}:${content.toLowerCase()}`);
  // Image scanners put the manifest digest into the version, or into the purl.
  const inPurl = /^pkg:oci\/.*@(sha256(?::|%3A)[0-9a-f]{64})/i.exec(purl ?? '')?.[1]?.replace(/%3a/i, ':');
  return [...named, version ?? '', inPurl ?? ''].filter(isDigest);
}

function licencesOf({ licenses = [] }: Component): readonly string[] {
  return licenses
    .map((choice) => choice.expression ?? choice.license?.id ?? choice.license?.name)
    .filter((text) => text !== undefined);
}

function toComponent(entry: Component, direct: ReadonlySet<string>): SbomComponent {
  const purl = usablePurl(entry.purl);
  return {
    ...(purl === undefined ? {} : { purl }),
    name: entry.group ? `${entry.group}/${entry.name}` : entry.name,
    ...(entry.version === undefined ? {} : { version: entry.version }),
    licences: licencesOf(entry),
    scope: entry.scope === 'excluded' ? 'development' : 'runtime',
    direct: entry['bom-ref'] !== undefined && direct.has(entry['bom-ref']),
  };
}

/** Attack: a vulnerable package that is called a file is not looked at. */
function isPackage({ type, purl }: Component): boolean {
  return !NOT_A_PACKAGE.has(type) || usablePurl(purl) !== undefined;
}

/** Reads a document that already passed the schema of its version of CycloneDX. */
export function readCycloneDx(value: unknown): Sbom {
  const bom = document(value);
  const main = bom.metadata?.component;
  const parts = main === undefined ? [] : flatten([main], component);
  const mainRef = main?.['bom-ref'];
  const edges = bom.dependencies?.filter(({ ref }) => ref === mainRef) ?? [];
  const direct = new Set(edges.flatMap(({ dependsOn = [] }) => dependsOn));
  // What is nested in the main component is a file of the release or a package that it contains.
  const nested = parts.slice(1).filter(isPackage);
  const all = [...flatten(bom.components ?? [], component).filter(isPackage), ...nested];
  return {
    kind: 'cyclonedx',
    version: bom.specVersion,
    name: main?.name ?? '',
    subjects: parts.filter((part) => part === main || part.type === 'file').flatMap(digests),
    components: all.map((entry) => toComponent(entry, direct)),
  };
}
