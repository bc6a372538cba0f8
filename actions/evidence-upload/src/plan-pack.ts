import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type IndexedBundle, parseBundleIndex } from '@paved/attestation';
import { sha256File } from '@paved/digest';
import { EvidenceError } from './error.js';
import { MANIFEST_NAME, SAFE_NAME } from './evidence-manifest.js';
import { listFiles } from './list-files.js';

/** Where a file comes from and where in the layout of the pack it goes. */
export interface PlannedFile {
  readonly path: string;
  readonly source: string;
}

export interface PackSources {
  readonly name: string;
  readonly architecture: string;
  readonly sboms: readonly string[];
  readonly attestations: readonly string[];
  readonly scans: readonly string[];
  readonly logs: readonly string[];
  /** Folder with index.json and the bundles of a signing session. */
  readonly bundlesPath: string | undefined;
  /** File with the trusted root that the bundles verify with. */
  readonly trustedRoot?: string | undefined;
}

export interface PackPlan {
  /** Sorted by path. */
  readonly files: readonly PlannedFile[];
  readonly subjects: IndexedBundle['subjects'];
}

/** What a replay of the verification trusts. */
const TRUSTED_ROOT_PATH = 'trust/trusted_root.json';
/** What signing adds beside each file. */
const RESERVED = /\.(sig|sigstore\.json)$/;

/**
 * Gives every document its place in the layout. @throws {EvidenceError} `PACK_CONFLICT` for two files with one place,
 * `PACK_EMPTY`, `SBOM_UNKNOWN`, `BUNDLE_MISMATCH`, `INPUT_INVALID`
 */
export async function planPack(sources: PackSources): Promise<PackPlan> {
  for (const text of [sources.name, sources.architecture]) {
    if (!SAFE_NAME.test(text)) {
      throw new EvidenceError('INPUT_INVALID', `Cannot name a pack "${text.slice(0, 100)}"`, {
        hint: 'Use letters, digits and . _ - in name and architecture',
      });
    }
  }
  const bundles = await planBundles(sources);
  const files = [
    ...(await planSboms(sources)),
    ...bundles.files,
    ...(await planNamed(sources, sources.attestations, 'attestations', 'attestation')),
    ...(await planNamed(sources, sources.scans, 'scans', 'scan')),
    ...(await planLogs(sources.logs)),
    ...(sources.trustedRoot === undefined ? [] : [{ path: TRUSTED_ROOT_PATH, source: sources.trustedRoot }]),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  assertPlaces(files);
  return { files, subjects: bundles.subjects };
}

async function planSboms({ name, architecture, sboms }: PackSources): Promise<readonly PlannedFile[]> {
  const found = (await Promise.all(sboms.map(listFiles))).flat();
  return await Promise.all(
    found.map(async (file) => {
      const own = /^sbom-(.+)-(?:cyclonedx|spdx)\.json$/.exec(basename(file.name))?.[1];
      const place = `sboms/${architecture}/sbom-${own ?? name}-${await sbomFormat(file.source)}.json`;
      return { path: place, source: file.source };
    }),
  );
}

async function sbomFormat(source: string): Promise<'cyclonedx' | 'spdx'> {
  const value: unknown = await readFile(source, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined);
  if (typeof value === 'object' && value !== null) {
    if ('bomFormat' in value && value.bomFormat === 'CycloneDX') return 'cyclonedx';
    if ('spdxVersion' in value) return 'spdx';
  }
  throw new EvidenceError(
    'SBOM_UNKNOWN',
    `Cannot take "${basename(source)}" as an SBOM: it is neither CycloneDX nor SPDX`,
    {
      hint: 'Pass the documents that sbom wrote',
    },
  );
}

async function planBundles(sources: PackSources): Promise<PackPlan> {
  const { name, architecture, bundlesPath } = sources;
  if (bundlesPath === undefined) return { files: [], subjects: [] };
  const index = parseBundleIndex(await readFile(join(bundlesPath, 'index.json'), 'utf8'));
  const counts = new Map<string, number>();
  const files: PlannedFile[] = [];
  for (const bundle of index.bundles) {
    const source = join(bundlesPath, bundle.path);
    if ((await sha256File(source)) !== bundle.sha256) {
      throw new EvidenceError(
        'BUNDLE_MISMATCH',
        `Cannot take bundle "${bundle.path}": its bytes are not what sign wrote`,
        { hint: 'Pass bundles-path as sign wrote it, without changes' },
      );
    }
    const count = (counts.get(bundle.slot) ?? 0) + 1;
    counts.set(bundle.slot, count);
    const suffix = count === 1 ? bundle.slot : `${bundle.slot}-${count}`;
    files.push({ path: `attestations/${architecture}/attestation-${name}-${suffix}.json`, source });
  }
  const subjects = new Map(index.bundles.flatMap((b) => b.subjects).map((s) => [`${s.name} ${s.digest}`, s]));
  return { files, subjects: [...subjects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, subject]) => subject) };
}

/** `verdict.json` becomes `scan-<name>-verdict.json`; what has the form already keeps its name. */
async function planNamed(
  { name, architecture }: PackSources,
  paths: readonly string[],
  folder: string,
  kind: string,
): Promise<readonly PlannedFile[]> {
  const found = (await Promise.all(paths.map(listFiles))).flat();
  return found.map(({ name: file, source }) => {
    const base = basename(file);
    const place = base.startsWith(`${kind}-`) ? base : `${kind}-${name}-${base}`;
    return { path: `${folder}/${architecture}/${place}`, source };
  });
}

async function planLogs(paths: readonly string[]): Promise<readonly PlannedFile[]> {
  const found = (await Promise.all(paths.map(listFiles))).flat();
  return found.map(({ name, source }) => ({ path: `logs/${name}`, source }));
}

function assertPlaces(files: readonly PlannedFile[]): void {
  if (files.length === 0) {
    throw new EvidenceError('PACK_EMPTY', 'Cannot make a pack: there is nothing to put into it', {
      hint: 'Pass at least one of sboms, bundles-path, attestations, scans, logs',
    });
  }
  const seen = new Set<string>();
  for (const { path } of files) {
    const bad = path.split('/').find((part) => !SAFE_NAME.test(part));
    if (bad !== undefined || RESERVED.test(path) || path === MANIFEST_NAME) {
      throw new EvidenceError(
        'INPUT_INVALID',
        `Cannot take "${path.slice(0, 200)}" into the pack: its name is not allowed`,
        { hint: 'Rename the file: letters, digits, dots, hyphens and underscores' },
      );
    }
    // Case-insensitive, because a pack may be unpacked on such a file system.
    if (seen.has(path.toLowerCase())) {
      throw new EvidenceError('PACK_CONFLICT', `Cannot make a pack: two files would be "${path}"`, {
        hint: 'Give the files names of their own',
      });
    }
    seen.add(path.toLowerCase());
  }
}
