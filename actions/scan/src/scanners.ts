import { ScanError } from './error.js';
import { type InputKind, PLACES, type Scanner } from './scanner.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const OFFLINE_GRYPE = {
  GRYPE_CHECK_FOR_APP_UPDATE: 'false',
  GRYPE_DB_AUTO_UPDATE: 'false',
  // Its age is judged here, by a limit that the record shows.
  GRYPE_DB_VALIDATE_AGE: 'false',
  GRYPE_DB_CACHE_DIR: '/tmp/grype',
};
const OFFLINE_TRIVY = [
  '--format=json',
  '--quiet',
  '--cache-dir=/tmp/trivy',
  '--offline-scan',
  '--skip-db-update',
  '--skip-java-db-update',
  '--skip-version-check',
];
/** Archives inside archives that gitleaks opens. */
const ARCHIVE_DEPTH = 4;

const SYFT_SCHEMES: Readonly<Record<InputKind, string>> = { file: 'file', folder: 'dir', layout: 'oci-dir' };

const KNOWN: readonly Scanner[] = [
  {
    name: 'grype',
    tool: 'grype',
    reads: 'sbom',
    database: { provider: 'grype', perEcosystem: false, maxAgeMs: 5 * DAY_MS },
    output: { kind: 'report', format: 'grype' },
    findingStatuses: [],
    prepare: `"${PLACES.tools}/grype" db import ${PLACES.databases}/grype.tar.zst >&2`,
    environment: OFFLINE_GRYPE,
    arguments: () => [`sbom:${PLACES.sbom}`, '--output=json', '--quiet'],
  },
  {
    name: 'trivy',
    tool: 'trivy',
    reads: 'sbom',
    database: { provider: 'trivy', perEcosystem: false, maxAgeMs: 3 * DAY_MS },
    output: { kind: 'report', format: 'trivy' },
    findingStatuses: [],
    prepare: `mkdir /tmp/trivy\nln -s ${PLACES.databases}/trivy /tmp/trivy/db`,
    environment: {},
    arguments: () => ['sbom', ...OFFLINE_TRIVY, '--scanners=vuln', PLACES.sbom],
  },
  {
    name: 'osv-scanner',
    tool: 'osv-scanner',
    reads: 'sbom',
    database: { provider: 'osv-scanner', perEcosystem: true, maxAgeMs: 7 * DAY_MS },
    output: { kind: 'report', format: 'osv-scanner' },
    findingStatuses: [1],
    nothingStatus: 128,
    environment: {},
    arguments: () => [
      'scan',
      'source',
      '--offline',
      `--local-db-path=${PLACES.databases}`,
      '--format=json',
      `--lockfile=${PLACES.sbom}`,
    ],
  },
  {
    name: 'trivy-files',
    tool: 'trivy',
    reads: 'path',
    output: { kind: 'report', format: 'trivy' },
    findingStatuses: [],
    environment: {},
    arguments: (kind) => [
      ...(kind === 'layout' ? ['image'] : ['filesystem']),
      ...OFFLINE_TRIVY,
      '--skip-check-update',
      '--scanners=secret,misconfig,license',
      ...(kind === 'layout' ? [`--input=${PLACES.input}`] : [PLACES.input]),
    ],
  },
  {
    name: 'gitleaks',
    tool: 'gitleaks',
    reads: 'path',
    output: { kind: 'report', format: 'sarif' },
    findingStatuses: [1],
    environment: {},
    // It knows archives by their names alone, and would pass over every layer of an image.
    readsNamedLayers: true,
    arguments: () => [
      'dir',
      PLACES.input,
      '--report-format=sarif',
      '--report-path=-',
      '--redact',
      '--no-banner',
      '--log-level=error',
      `--max-archive-depth=${ARCHIVE_DEPTH}`,
    ],
  },
  {
    name: 'syft',
    tool: 'syft',
    reads: 'path',
    output: { kind: 'sbom' },
    findingStatuses: [],
    environment: { SYFT_CHECK_FOR_APP_UPDATE: 'false' },
    arguments: (kind) => ['scan', `${SYFT_SCHEMES[kind]}:${PLACES.input}`, '--output=syft-json', '--quiet'],
  },
];

/** The scanners by name, each once. @throws {ScanError} `INPUT_INVALID` */
export function chooseScanners(names: readonly string[]): readonly Scanner[] {
  return names.map((name, index) => {
    const scanner = KNOWN.find((known) => known.name === name);
    if (scanner !== undefined && names.indexOf(name) === index) return scanner;
    const state = scanner === undefined ? 'it is not known' : 'it is named twice';
    throw new ScanError('INPUT_INVALID', `Cannot run scanner "${name.slice(0, 60)}": ${state}`, {
      hint: `Name each of these at most once: ${KNOWN.map((known) => known.name).join(', ')}`,
    });
  });
}
