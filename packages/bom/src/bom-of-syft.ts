import type { Bom, BomComponent } from './bom.js';
import { items, member, present, stated, texts } from './fields.js';
import { usablePurl } from './purl.js';

/** syft's own JSON: no other format has a list of artifacts beside a descriptor. */
export function isSyftDocument(document: unknown): boolean {
  return Array.isArray(member(document, 'artifacts')) && member(member(document, 'descriptor'), 'name') !== undefined;
}

function toComponent(value: unknown, index: number): BomComponent {
  const cpes = items(member(value, 'cpes')).map((entry) => (typeof entry === 'string' ? entry : member(entry, 'cpe')));
  const licences = items(member(value, 'licenses')).map((entry) =>
    typeof entry === 'string' ? entry : (stated(member(entry, 'spdxExpression')) ?? member(entry, 'value')),
  );
  return present<BomComponent>({
    ref: stated(member(value, 'id')) ?? `artifact-${index + 1}`,
    type: member(value, 'type') === 'binary' ? 'application' : 'library',
    name: stated(member(value, 'name')) ?? '',
    version: stated(member(value, 'version')),
    purl: usablePurl(stated(member(value, 'purl'))),
    cpe: texts(cpes)[0],
    supplier: undefined,
    licences: texts(licences),
    hashes: [],
    scope: 'runtime',
    locations: texts(items(member(value, 'locations')).map((entry) => member(entry, 'path'))),
  });
}

/** The digest that syft states it has catalogued; never taken for the subject, only compared with it. */
function hashesOf(source: unknown): BomComponent['hashes'] {
  const stated256 = /^sha256:([0-9a-f]{64})$/.exec(String(member(member(source, 'metadata'), 'manifestDigest') ?? ''));
  return stated256?.[1] === undefined ? [] : [{ alg: 'SHA-256', content: stated256[1] }];
}

export function syftBom(document: unknown): Bom {
  const components = items(member(document, 'artifacts')).map(toComponent);
  const known = new Set(components.map(({ ref }) => ref));
  const dependencies = new Map<string, string[]>();
  for (const edge of items(member(document, 'artifactRelationships'))) {
    // "parent is a dependency of child".
    const [needed, by] = [stated(member(edge, 'parent')) ?? '', stated(member(edge, 'child')) ?? ''];
    if (member(edge, 'type') !== 'dependency-of' || !known.has(needed) || !known.has(by)) continue;
    dependencies.set(by, [...(dependencies.get(by) ?? []), needed]);
  }
  const source = member(document, 'source');
  const descriptor = member(document, 'descriptor');
  const name = stated(member(source, 'name')) ?? '';
  const tool = { name: stated(member(descriptor, 'name')) ?? 'syft', version: stated(member(descriptor, 'version')) };
  return present<Bom>({
    kind: 'syft',
    specVersion: stated(member(member(document, 'schema'), 'version')) ?? '',
    name,
    created: undefined,
    authors: [],
    producers: [],
    tools: [present<Bom['tools'][number]>(tool)],
    lifecycles: [],
    main: present<BomComponent>({
      ref: stated(member(source, 'id')) ?? 'source',
      type: member(source, 'type') === 'image' ? 'container' : 'application',
      name,
      version: stated(member(source, 'version')),
      purl: undefined,
      cpe: undefined,
      supplier: stated(member(source, 'supplier')),
      licences: [],
      hashes: hashesOf(source),
      scope: 'runtime',
      locations: [],
    }),
    components,
    dependencies,
    completeness: 'unknown',
    counts: { files: items(member(document, 'files')).length },
  });
}
