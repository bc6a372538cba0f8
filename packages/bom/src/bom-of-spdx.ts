import type { Bom, BomComponent } from './bom.js';
import { items, member, present, stated, texts } from './fields.js';
import { usablePurl } from './purl.js';

const DOCUMENT = 'SPDXRef-DOCUMENT';
/** SPDX 2.3 section 7.24 to the words of CycloneDX; purposes that CycloneDX has no word for become `data`. */
const TYPES: Readonly<Record<string, string>> = {
  APPLICATION: 'application',
  CONTAINER: 'container',
  DEVICE: 'device',
  FILE: 'file',
  FIRMWARE: 'firmware',
  FRAMEWORK: 'framework',
  LIBRARY: 'library',
  // The specification and its JSON schema spell it differently.
  'OPERATING-SYSTEM': 'operating-system',
  OPERATING_SYSTEM: 'operating-system',
};

function reference(value: unknown, types: readonly string[]): string | undefined {
  const found = items(member(value, 'externalRefs')).find((entry) =>
    types.includes(stated(member(entry, 'referenceType')) ?? ''),
  );
  return stated(member(found, 'referenceLocator'));
}

/** `SHA256` to `SHA-256`, `SHA3-256` stays. */
function algorithm(name: string): string {
  return name.replace(/^SHA(?=\d{3}$|1$)/, 'SHA-');
}

function toComponent(
  value: unknown,
  extracted: ReadonlyMap<string, string>,
  development: ReadonlySet<string>,
): BomComponent {
  const ref = stated(member(value, 'SPDXID')) ?? '';
  const licence = stated(member(value, 'licenseDeclared')) ?? stated(member(value, 'licenseConcluded'));
  return present<BomComponent>({
    ref,
    type: TYPES[stated(member(value, 'primaryPackagePurpose')) ?? 'LIBRARY'] ?? 'data',
    name: stated(member(value, 'name')) ?? '',
    version: stated(member(value, 'versionInfo')),
    purl: usablePurl(reference(value, ['purl'])),
    cpe: reference(value, ['cpe23Type', 'cpe22Type']),
    supplier: stated(member(value, 'supplier'))?.replace(/^(?:Organization|Person): /, ''),
    licences: licence === undefined ? [] : [extracted.get(licence) ?? licence],
    hashes: items(member(value, 'checksums')).flatMap((hash) => {
      const [alg, content] = [stated(member(hash, 'algorithm')), stated(member(hash, 'checksumValue'))];
      return alg === undefined || content === undefined
        ? []
        : [{ alg: algorithm(alg), content: content.toLowerCase() }];
    }),
    scope: development.has(ref) ? 'development' : 'runtime',
    locations: [],
  });
}

interface Edge {
  readonly from: string;
  readonly type: string;
  readonly to: string;
}

const FORWARD: Readonly<Record<string, string>> = {
  DEPENDENCY_OF: 'DEPENDS_ON',
  DESCRIBED_BY: 'DESCRIBES',
  CONTAINED_BY: 'CONTAINS',
};

function edgesOf(document: unknown): readonly Edge[] {
  return items(member(document, 'relationships')).map((entry) => {
    const [a, type, b] = ['spdxElementId', 'relationshipType', 'relatedSpdxElement'].map(
      (key) => stated(member(entry, key)) ?? '',
    ) as [string, string, string];
    const forward = FORWARD[type];
    return forward === undefined ? { from: a, type, to: b } : { from: b, type: forward, to: a };
  });
}

function creators(document: unknown, role: string): readonly string[] {
  const list = texts(items(member(member(document, 'creationInfo'), 'creators')));
  return list
    .filter((entry) => entry.startsWith(`${role}: `))
    .map((entry) => entry.slice(role.length + 2).trim())
    .filter((entry) => entry !== '');
}

function tool(text: string): Bom['tools'][number] {
  const [, name = text, version] = /^(.+)-(v?\d[^-]*(?:-[\w.]+)?)$/.exec(text) ?? [];
  return version === undefined ? { name } : { name, version };
}

/** Reads what is there; a field of another type counts as not stated. */
export function spdxBom(document: unknown): Bom {
  const edges = edgesOf(document);
  const extracted = new Map(
    items(member(document, 'hasExtractedLicensingInfos')).map((info) => [
      stated(member(info, 'licenseId')) ?? '',
      stated(member(info, 'extractedText')) ?? '',
    ]),
  );
  const development = new Set(edges.filter(({ type }) => type === 'DEV_DEPENDENCY_OF').map(({ from }) => from));
  const packages = items(member(document, 'packages')).map((entry) => toComponent(entry, extracted, development));
  const described = [
    ...texts(items(member(document, 'documentDescribes'))),
    ...edges.filter(({ from, type }) => from === DOCUMENT && type === 'DESCRIBES').map(({ to }) => to),
  ];
  const main = packages.find(({ ref }) => described.includes(ref));
  const known = new Set(packages.map(({ ref }) => ref));
  const dependencies = new Map<string, string[]>();
  let open = false;
  for (const { from, type, to } of edges) {
    if (type !== 'DEPENDS_ON') continue;
    const list = dependencies.get(from) ?? [];
    if (known.has(to)) list.push(to);
    else open ||= to === '';
    dependencies.set(from, list);
  }
  return present<Bom>({
    kind: 'spdx',
    specVersion: (stated(member(document, 'spdxVersion')) ?? '').replace('SPDX-', ''),
    name: main?.name ?? stated(member(document, 'name')) ?? '',
    created: stated(member(member(document, 'creationInfo'), 'created')),
    authors: [...creators(document, 'Person'), ...creators(document, 'Organization')],
    producers: main?.supplier === undefined ? [] : [main.supplier],
    tools: creators(document, 'Tool').map(tool),
    lifecycles: [],
    main,
    components: packages.filter((entry) => entry !== main),
    dependencies,
    completeness: open ? 'incomplete' : 'unknown',
    counts: {
      packages: packages.length,
      files: items(member(document, 'files')).length,
      relationships: items(member(document, 'relationships')).length,
    },
  });
}
