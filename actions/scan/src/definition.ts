import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'scan',
  purpose: 'Runs locked scanners side by side, each in a sandbox of its own, and records what ran',
  inputs: {
    scanners: input.list({
      description: 'What runs: grype, trivy, osv-scanner (read the SBOM), trivy-files, gitleaks, syft (read the path)',
    }),
    sbom: input.path({ description: 'CycloneDX document that grype, trivy and osv-scanner look up' }),
    path: input.path({ description: 'File, folder or OCI layout that trivy-files, gitleaks and syft read' }),
    'subject-digest': input.digest({ description: 'Digest of what is scanned; the reports are bound to it' }),
    databases: input.list({
      description:
        'One provider per line with its URLs or path, tried in order: osv-scanner:npm, osv-scanner:Go …, grype, trivy',
    }),
    'database-age': input.list({
      description: 'Largest age by provider, as grype=5d (default: grype 5d, trivy 3d, osv-scanner 7d)',
    }),
    'as-of': input.string({ description: 'RFC 3339 time at which ages are judged (default: now)' }),
    'tool-paths': input.list({
      description: 'Own programs instead of the locked ones, as grype=/usr/local/bin/grype; their digests are recorded',
    }),
    'tool-urls': input.list({
      description: 'Servers of the release assets, tried in order; the digest is locked (default: https://github.com/)',
    }),
    timeout: input.duration({ description: 'Limit of one scanner', default: '15m' }),
    'max-report-bytes': input.integer({
      description: 'Largest report that leaves a sandbox, in bytes',
      default: 134_217_728,
      min: 1,
      max: 134_217_728,
    }),
    'max-memory-bytes': input.integer({
      description: 'Address space of each process of a scanner, in bytes',
      default: 17_179_869_184,
      min: 268_435_456,
      max: 1_099_511_627_776,
    }),
    'max-database-bytes': input.integer({
      description: 'Largest database that is taken, in bytes, packed and unpacked',
      default: 4_294_967_296,
      min: 1,
      max: 17_179_869_184,
    }),
    cache: input.boolean({
      description: 'Keep the assets of the tools in the cache of the job; never in build, inspect or seal',
      default: false,
    }),
  },
  outputs: {
    'scans-path': output('Folder with one report per scanner and scans.json'),
    'reports-path': output('The reports for scan-gate, one path per line'),
    'documents-path': output('What syft wrote, for the documents of sbom'),
  },
  permissions: { contents: 'read' },
  hosts: ['github.com and its release assets, or the hosts of tool-urls', 'the hosts that databases names'],
  writes: ['RUNNER_TEMP/paved/scan'],
  example: `id: scan
uses: org/paved/scan@v1
with:
  scanners: |
    gitleaks
    trivy-files
  path: dist
`,
});
