import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MAX_SBOM_BYTES, packageIdOf, parseSbom, type SbomComponent } from '@paved/bom';
import { type Digest, digestHex, sha256, sha256File } from '@paved/digest';
import {
  assertDescribes,
  assertFresh,
  type DatabaseUsed,
  type DependencyGraph,
  type DocumentUsed,
  type EpssScores,
  graphOfCycloneDx,
  INSPECTION_FILE,
  type Inspection,
  type KevCatalogue,
  matchOsv,
  packageKeys,
  parseEpss,
  parseInspection,
  parseKev,
  type RawFinding,
  type Unchecked,
  versionOrder,
} from '@paved/gate';
import { record, unknown } from '@paved/json';
import { ScanGateError } from './error.js';
import { readOsvArchive } from './osv-archive.js';
import { expandFolders, readRegularFile } from './read-file.js';

const MAX_INSPECTION_BYTES = 4 * 1024 * 1024;
const MAX_KEV_BYTES = 64 * 1024 * 1024;
const MAX_EPSS_BYTES = 128 * 1024 * 1024;

export interface Limits {
  /** Whether what tools say of their own age is an error; what is only looked at is then not clean, and shown. */
  readonly isStrict: boolean;
  readonly asOf: string;
  /** The time of this run: no evidence is newer. */
  readonly at: string;
  readonly maxAgeMs: number;
}

export interface Documents {
  readonly components: readonly SbomComponent[];
  /** What all documents tell of dependencies: a way that one of them has is a way. */
  readonly graph: DependencyGraph | undefined;
  /** Serial numbers with version, as BOM-Links name them. */
  readonly serials: readonly string[];
  readonly documents: readonly DocumentUsed[];
}

/** Reads SBOMs (files or folders of them); each must describe what is released, and nothing else. */
export async function readSboms(paths: readonly string[], released: ReadonlySet<Digest>): Promise<Documents> {
  const components: SbomComponent[] = [];
  const documents: DocumentUsed[] = [];
  const serials: string[] = [];
  let graph: DependencyGraph | undefined;
  for (const path of await expandFolders(paths)) {
    const bytes = await readRegularFile(path, MAX_SBOM_BYTES);
    const sbom = parseSbom(bytes);
    assertDescribes(`SBOM "${basename(path)}"`, sbom.subjects, released, 'SBOM_SUBJECT_MISMATCH');
    for (const component of sbom.components) components.push(component);
    if (sbom.kind === 'cyclonedx') {
      const links = linksOf(bytes);
      graph = joined(graph, links.graph);
      serials.push(...links.serials);
    }
    documents.push({ kind: sbom.kind, name: basename(path), sha256: digestHex(sha256(bytes)) });
  }
  return { components: onePerPurl(components), graph, serials, documents };
}

function joined(a: DependencyGraph | undefined, b: DependencyGraph | undefined): DependencyGraph | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const dependsOn = new Map(a.dependsOn);
  for (const [node, next] of b.dependsOn) dependsOn.set(node, [...new Set([...(dependsOn.get(node) ?? []), ...next])]);
  return { ...a, roots: [...new Set([...a.roots, ...b.roots])], dependsOn };
}

/** What connects the document with others; it has been held to its schema before. */
function linksOf(bytes: Uint8Array): {
  readonly graph: DependencyGraph | undefined;
  readonly serials: readonly string[];
} {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const document = record(unknown)(value);
  const graph = graphOfCycloneDx(document);
  const { serialNumber, version } = document;
  return {
    graph: graph.roots.length === 0 ? undefined : graph,
    serials: typeof serialNumber === 'string' ? [`${serialNumber.toLowerCase()}/${Number(version ?? 1)}`] : [],
  };
}

/** CycloneDX and SPDX list the same packages; the stricter word of both counts. */
function onePerPurl(components: readonly SbomComponent[]): readonly SbomComponent[] {
  const merged = new Map<string, SbomComponent>();
  for (const component of components) {
    const key = component.purl ?? `?${component.name}@${component.version ?? ''}`;
    const other = merged.get(key);
    if (other === undefined) merged.set(key, component);
    else
      merged.set(key, {
        ...other,
        // A licence that one of them leaves out is still one.
        licences: [...new Set([...other.licences, ...component.licences])].sort(),
        direct: other.direct || component.direct,
        scope: other.scope === 'runtime' ? 'runtime' : component.scope,
      });
  }
  return [...merged.values()];
}

/** Reads inspection.json and hashes every file that it names. @throws {ScanGateError} `INSPECTION_INVALID` */
export async function readInspection(folder: string): Promise<Inspection> {
  const text = (await readRegularFile(join(folder, INSPECTION_FILE), MAX_INSPECTION_BYTES)).toString('utf8');
  const inspection = parseInspection(text);
  for (const { path, sha256: expected } of [...inspection.databases, ...inspection.reports]) {
    const info = await stat(join(folder, path)).catch(() => undefined);
    const actual = info?.isFile() ? digestHex(await sha256File(join(folder, path))) : undefined;
    if (actual === expected) continue;
    throw new ScanGateError(
      'INSPECTION_INVALID',
      `Cannot use the inspection: "${path}" is missing or has been changed`,
      {
        hint: 'Run the inspect job again',
      },
    );
  }
  return inspection;
}

export interface Databases {
  readonly findings: readonly RawFinding[];
  readonly kev: KevCatalogue | undefined;
  readonly epss: EpssScores | undefined;
  readonly used: readonly DatabaseUsed[];
}

/** Matches the components against each database, after its age was checked. */
export async function readDatabases(
  folder: string,
  inspection: Inspection,
  components: readonly SbomComponent[],
  limits: Limits,
): Promise<Databases> {
  const keys = packageKeys(components);
  const findings: RawFinding[] = [];
  const used: DatabaseUsed[] = [];
  let kev: KevCatalogue | undefined;
  let epss: EpssScores | undefined;
  for (const { kind, path, source, sha256: digest, ecosystem = '', ...entry } of inspection.databases) {
    const file = join(folder, path);
    if (kind === 'epss') {
      epss = parseEpss((await readRegularFile(file, MAX_EPSS_BYTES)).toString('utf8'));
      assertFresh('the EPSS scores', epss.released, limits, 'EPSS_STALE');
      used.push({ kind, source, sha256: digest, modifiedAt: epss.released, records: epss.entries.size });
      continue;
    }
    if (kind === 'kev') {
      kev = parseKev((await readRegularFile(file, MAX_KEV_BYTES)).toString('utf8'));
      assertFresh('the KEV catalogue', kev.released, limits, 'KEV_STALE');
      used.push({ kind, source, sha256: digest, modifiedAt: kev.released, records: kev.entries.size });
      continue;
    }
    const archive = await readOsvArchive(file, { ecosystem, keys });
    const modifiedAt = entry.modifiedAt ?? archive.newest ?? '';
    assertFresh(`the ${ecosystem} database`, modifiedAt, limits, 'DATABASE_STALE');
    const matches = matchOsv(components, archive.records);
    for (const finding of matches.findings) findings.push(finding);
    const { withdrawn } = matches;
    used.push({ kind, ecosystem, source, sha256: digest, modifiedAt, records: archive.total, withdrawn });
  }
  return { findings, kev, epss, used };
}

/** Packages that nothing was looked up for: no database of their ecosystem, no order of its versions, or no purl at all. */
export function uncheckedPackages(
  components: readonly SbomComponent[],
  databases: readonly DatabaseUsed[],
): readonly Unchecked[] {
  const checked = new Set(databases.flatMap(({ ecosystem }) => (ecosystem === undefined ? [] : [ecosystem])));
  const counts = new Map<string, number>();
  for (const { purl } of components) {
    const ecosystem = purl === undefined ? 'unidentified' : packageIdOf(purl).ecosystem;
    if (checked.has(ecosystem) && versionOrder(ecosystem) !== undefined) continue;
    counts.set(ecosystem, (counts.get(ecosystem) ?? 0) + 1);
  }
  return [...counts].map(([ecosystem, packages]) => ({ ecosystem, packages }));
}
