import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'scan-gate',
  purpose: 'Collects advisories where no credential is, and decides over SBOMs and reports where it is signed',
  inputs: {
    mode: input.choice(['collect', 'gate', 'table'], {
      description:
        'collect: downloads databases and takes reports. gate: decides, over data alone. table: writes the thresholds of the policy for SECURITY.md',
      default: 'gate',
    }),
    'osv-database': input.list({
      description: 'Zip of OSV records per ecosystem, one ecosystem=URL or ecosystem=path per line',
    }),
    kev: input.string({ description: 'Catalogue of known exploited vulnerabilities, URL or path' }),
    epss: input.string({ description: 'Scores of FIRST EPSS (CSV, unpacked), URL or path' }),
    reports: input.paths({
      description: 'Reports: JSON of grype, trivy, osv-scanner; SARIF of any tool; CycloneDX with vulnerabilities',
    }),
    'scans-path': input.path({ description: 'collect: folder that scan wrote; its reports are held to its record' }),
    vex: input.paths({
      description:
        'gate: OpenVEX, CycloneDX or CSAF documents, each with <file>.sigstore.json beside it where the policy names signers, or bundles of OpenVEX statements',
    }),
    'trusted-root': input.document({
      description: 'gate: trusted_root.json under which signatures of VEX documents are verified',
    }),
    rules: input.paths({
      description: 'collect: own rules, Rego compiled to WebAssembly (docs/rules.md); they can only add findings',
    }),
    'build-record-path': input.paths({
      description:
        'collect: build-record-path of hermetic-build, one per line where machines of their own built; rules see it, and its image-rules.sarif is a report',
    }),
    'previous-verdict': input.path({
      description: 'gate: verdict.json of an earlier run; tells since when findings are open',
    }),
    explain: input.string({ description: 'gate: id (CVE-…) whose every rule and source is printed and written' }),
    'inspection-path': input.path({ description: 'gate: folder that collect wrote' }),
    sboms: input.paths({
      description: 'CycloneDX 1.6 or SPDX 2.3 documents, or folders of them; in collect for rules alone',
    }),
    'subject-digest': input.digest({ description: 'Digest of the image or OCI artifact that is decided about' }),
    'subject-name': input.string({ description: 'Its name, without tag' }),
    'subjects-path': input.path({
      description:
        'Released file or folder; its digests are computed here. collect: what was scanned, to which the gate holds it',
    }),
    policy: input.document({ description: 'gate: policy, YAML file or inline JSON (docs/policy.md)' }),
    'policy-floor': input.document({ description: 'gate: the least that holds; the policy can only tighten it' }),
    'policy-from-repository': input.boolean({
      description: 'gate: read .paved/policy.yml through the API from the protected default branch',
      default: false,
    }),
    'github-token': input.secret({ description: 'Token with contents: read; sent to the API of this server alone' }),
    'max-age': input.duration({ description: 'Databases and reports older than this are refused (default: 7d)' }),
    'as-of': input.string({ description: 'RFC 3339 time at which ages and exceptions are judged (default: now)' }),
    environment: input.string({ description: 'gate: environment of the policy whose thresholds apply as well' }),
    branch: input.string({
      description: 'gate: branch for the policy (default: base of the pull request, or the ref)',
    }),
    'branch-protected': input.boolean({ description: 'gate: whether the ref is protected (default: as the run says)' }),
    'max-database-bytes': input.integer({
      description: 'Largest database that is taken, in bytes',
      default: 1_073_741_824,
      min: 1,
      max: 4_294_967_296,
    }),
  },
  outputs: {
    'inspection-path': output('collect: folder with databases, reports and inspection.json'),
    verdict: output('gate: pass or fail'),
    'verdict-path': output('gate: verdict.json, written whatever the verdict'),
    'explanation-path': output('gate: everything that decided about the id of explain'),
    'thresholds-path': output('table: Markdown of what happens to a finding by severity, under policy and floor'),
    'statement-path': output('gate: statement to sign, bound to the subjects; one path per line'),
  },
  permissions: { contents: 'read' },
  hosts: ['the hosts that osv-database, kev and epss name', 'the API of this GitHub server'],
  writes: ['RUNNER_TEMP/paved/scan-gate'],
  example: `uses: org/paved/scan-gate@v1
with:
  mode: gate
  sboms: \${{ steps.sbom.outputs.sboms-path }}
  inspection-path: \${{ steps.collect.outputs.inspection-path }}
  subjects-path: dist
`,
});
