import type { Bom, BomComponent } from './bom.js';
import { items, member, present, stated, texts } from './fields.js';
import { usablePurl } from './purl.js';

function organisation(value: unknown): string | undefined {
  return (
    stated(member(value, 'name')) ??
    texts(items(member(value, 'url')))[0] ??
    texts(items(member(value, 'contact')).map((contact) => member(contact, 'email') ?? member(contact, 'name')))[0]
  );
}

function toComponent(value: unknown, ref: string): BomComponent {
  const group = stated(member(value, 'group'));
  const name = stated(member(value, 'name')) ?? '';
  const occurrences = items(member(member(value, 'evidence'), 'occurrences'));
  return present<BomComponent>({
    ref: stated(member(value, 'bom-ref')) ?? ref,
    type: stated(member(value, 'type')) ?? 'library',
    name: group === undefined ? name : `${group}/${name}`,
    version: stated(member(value, 'version')),
    purl: usablePurl(stated(member(value, 'purl'))),
    cpe: stated(member(value, 'cpe')),
    supplier:
      organisation(member(value, 'supplier')) ??
      organisation(member(value, 'manufacturer')) ??
      stated(member(value, 'publisher')),
    licences: texts(
      items(member(value, 'licenses')).map(
        (choice) =>
          member(choice, 'expression') ??
          member(member(choice, 'license'), 'id') ??
          member(member(choice, 'license'), 'name'),
      ),
    ),
    hashes: items(member(value, 'hashes')).flatMap((hash) => {
      const [alg, content] = [stated(member(hash, 'alg')), stated(member(hash, 'content'))];
      return alg === undefined || content === undefined ? [] : [{ alg, content: content.toLowerCase() }];
    }),
    scope: member(value, 'scope') === 'excluded' ? 'development' : 'runtime',
    locations: texts(occurrences.map((occurrence) => member(occurrence, 'location'))),
    lockDigest: propertiesOf(value, 'paved:lock-digest').find(([rest]) => rest === '')?.[1],
  });
}

/** The depth is bounded by the parser in front. */
function flatten(values: readonly unknown[], prefix: string): readonly BomComponent[] {
  return values.flatMap((value, index) => {
    const ref = `${prefix}${index + 1}`;
    return [toComponent(value, `component-${ref}`), ...flatten(items(member(value, 'components')), `${ref}.`)];
  });
}

function toolsOf(value: unknown): Bom['tools'] {
  const list = Array.isArray(value)
    ? value
    : [...items(member(value, 'components')), ...items(member(value, 'services'))];
  return list.flatMap((tool) => {
    const name = stated(member(tool, 'name'));
    return name === undefined
      ? []
      : [present<Bom['tools'][number]>({ name, version: stated(member(tool, 'version')) })];
  });
}

function completeness(value: unknown): Bom['completeness'] {
  const told = items(member(value, 'compositions')).filter((entry) => items(member(entry, 'dependencies')).length > 0);
  const words = told.map((entry) => member(entry, 'aggregate'));
  if (words.length === 0 || words.some((word) => word === 'unknown' || word === 'not_specified')) return 'unknown';
  return words.every((word) => word === 'complete') ? 'complete' : 'incomplete';
}

/** The commit as our writer states it; a reference without one is no origin. */
function sourceOf(root: unknown): Bom['source'] {
  for (const reference of items(member(root, 'externalReferences'))) {
    const commit = /^commit ([0-9a-f]{40}|[0-9a-f]{64})$/.exec(stated(member(reference, 'comment')) ?? '')?.[1];
    const repository = stated(member(reference, 'url'));
    if (member(reference, 'type') === 'vcs' && commit !== undefined && repository !== undefined) {
      return { repository, commit };
    }
  }
  return undefined;
}

function propertiesOf(value: unknown, prefix: string): readonly (readonly [string, string])[] {
  return items(member(value, 'properties')).flatMap((property) => {
    const name = stated(member(property, 'name')) ?? '';
    const text = stated(member(property, 'value'));
    return name.startsWith(prefix) && text !== undefined ? [[name.slice(prefix.length), text] as const] : [];
  });
}

function lockfilesOf(metadata: unknown): Bom['lockfiles'] {
  const found = propertiesOf(metadata, 'paved:lockfile:').flatMap(([path, value]) => {
    const sha256 = /^sha256:([0-9a-f]{64})$/.exec(value)?.[1];
    return sha256 === undefined ? [] : [{ path, sha256 }];
  });
  return found.length === 0 ? undefined : found;
}

/** Reads what is there; a field of another type counts as not stated. */
export function cycloneDxBom(document: unknown): Bom {
  const metadata = member(document, 'metadata');
  const root = member(metadata, 'component');
  const main = root === undefined ? undefined : toComponent(root, 'main');
  const records = items(member(document, 'dependencies'));
  const vulnerabilities = items(member(document, 'vulnerabilities'));
  const producers = [member(metadata, 'supplier'), member(metadata, 'manufacture'), member(metadata, 'manufacturer')];
  return present<Bom>({
    kind: 'cyclonedx',
    specVersion: stated(member(document, 'specVersion')) ?? '',
    name: main?.name ?? '',
    created: stated(member(metadata, 'timestamp')),
    authors: items(member(metadata, 'authors'))
      .map((author) => stated(member(author, 'name')) ?? stated(member(author, 'email')))
      .filter((author) => author !== undefined),
    producers: producers.map(organisation).filter((name) => name !== undefined),
    tools: toolsOf(member(metadata, 'tools')),
    lifecycles: texts(
      items(member(metadata, 'lifecycles')).map((item) => member(item, 'phase') ?? member(item, 'name')),
    ),
    source: sourceOf(root),
    lockfiles: lockfilesOf(metadata),
    main,
    components: [
      ...flatten(items(member(document, 'components')), ''),
      ...flatten(items(member(root, 'components')), 'main.'),
    ],
    dependencies: new Map(
      records.map((entry) => [stated(member(entry, 'ref')) ?? '', texts(items(member(entry, 'dependsOn')))]),
    ),
    completeness: completeness(document),
    counts: {
      topLevelComponents: items(member(document, 'components')).length,
      services: items(member(document, 'services')).length,
      dependencies: records.length,
      vulnerabilities: vulnerabilities.length,
      vulnerabilityAffects: vulnerabilities.reduce<number>(
        (sum, entry) => sum + items(member(entry, 'affects')).length,
        0,
      ),
    },
  });
}
