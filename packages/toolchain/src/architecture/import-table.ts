import type { ImportRule, ImportTable } from './check-imports.js';

const ORDER = [
  'errors',
  'digest',
  'json',
  'http',
  'attestation',
  'bom',
  'gate',
  'oci',
  'sigstore',
  'handoff',
  'runner-kit',
  'sandbox',
  'testkit',
  'local-runner',
  'toolchain',
] as const;

// The sandbox wires file descriptors by itself, and the canary opens sockets that must be blocked.
const SANDBOX_BUILTINS = ['node:child_process', 'node:dgram', 'node:net'];

// The proxy that alone leads a patch to the mirrors resolves names and speaks HTTP to package managers.
const PROXY_BUILTINS = ['node:dns/promises', 'node:http'];

// Rule modules of others run in a thread of their own, which can be ended.
const RULE_ACTIONS: readonly string[] = ['scan-gate'];
const RULE_BUILTINS = ['node:worker_threads'];

/** Actions that start processes by themselves; `scan` has the sandbox do it. */
const EXEC_ACTIONS: readonly string[] = ['hermetic-build'];

/** What an action may import besides `@paved/runner-kit`. */
function action(name: string, packages: readonly string[]): ImportRule {
  const startsProcesses = EXEC_ACTIONS.includes(name);
  const processes = startsProcesses ? ['@paved/runner-kit/exec'] : [];
  const base = ['errors', 'digest', 'json', 'http'].map((lower) => `@paved/${lower}`);
  return {
    packages: [...base, '@paved/runner-kit', ...packages, ...processes],
    builtins: [
      ...(startsProcesses ? [...SANDBOX_BUILTINS, ...PROXY_BUILTINS] : []),
      ...(RULE_ACTIONS.includes(name) ? RULE_BUILTINS : []),
    ],
  };
}

const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  assemble: ['@paved/handoff/legs', '@paved/oci'],
  checks: ['yaml'],
  doctor: [],
  'evidence-upload': ['@paved/attestation', '@paved/sigstore', '@actions/attest'],
  handoff: ['@paved/handoff'],
  'hermetic-build': [
    '@paved/attestation',
    '@paved/bom',
    '@paved/bom/lockfiles',
    '@paved/oci',
    '@paved/runner-kit/fetch-tool',
    '@paved/sandbox',
    'dockerfile-ast',
    'tar-stream',
    'yaml',
    'packageurl-js',
    'semver',
    'yauzl',
  ],
  'oidc-login': ['@paved/oci', 'jose'],
  provenance: [
    '@paved/attestation',
    '@paved/bom',
    '@paved/bom/fetch-manifest',
    '@paved/handoff/legs',
    '@paved/runner-kit/github',
    'jose',
  ],
  publish: [],
  push: ['@paved/attestation', '@paved/oci', '@paved/sigstore'],
  query: ['@paved/attestation', '@paved/bom', '@paved/gate', '@paved/gate/results'],
  report: ['@paved/gate/results', '@paved/runner-kit/github', 'yaml'],
  rescan: [
    '@paved/attestation',
    '@paved/bom',
    '@paved/gate/results',
    '@paved/oci',
    '@paved/runner-kit/github',
    '@paved/sigstore',
    'semver',
  ],
  sbom: ['@paved/attestation', '@paved/bom', '@paved/bom/lockfiles', '@paved/bom/subject-files'],
  scan: [
    '@paved/gate',
    '@paved/oci',
    '@paved/runner-kit/source',
    '@paved/runner-kit/tools',
    '@paved/sandbox',
    'tar-stream',
  ],
  'scan-gate': [
    '@paved/attestation',
    '@paved/bom',
    '@paved/bom/subject-files',
    '@paved/gate',
    '@paved/runner-kit/github',
    '@paved/runner-kit/source',
    '@paved/sigstore',
    '@open-policy-agent/opa-wasm',
    'yaml',
    'yauzl',
  ],
  seal: [],
  sign: ['@paved/attestation', '@paved/bom', '@paved/oci', '@paved/sigstore', '@paved/sigstore/tuf'],
  verify: ['@paved/attestation', '@paved/oci', '@paved/sigstore', '@paved/sigstore/tuf'],
  watch: [
    '@paved/attestation',
    '@paved/handoff/receive',
    '@paved/runner-kit/github',
    '@paved/sigstore',
    '@paved/sigstore/log',
  ],
};

/** docs/architecture.md's table of packages as data: a change of an import is a change of this file, and is reviewed as one. */
export const IMPORT_TABLE: ImportTable = {
  order: ORDER,
  packages: {
    errors: { packages: [] },
    digest: { packages: [] },
    json: { packages: [] },
    http: { packages: [], builtins: ['node:dns', 'node:http', 'node:https', 'node:net', 'node:tls'] },
    attestation: { packages: [] },
    bom: { packages: ['ajv', 'ajv-formats', 'packageurl-js', 'yaml'] },
    gate: { packages: ['ae-cvss-calculator', 'semver', 'packageurl-js'] },
    oci: { packages: [] },
    sigstore: {
      packages: ['@sigstore/bundle', '@sigstore/protobuf-specs', '@sigstore/sign', '@tufjs/models', 'jose', 'tuf-js'],
    },
    handoff: { packages: ['@actions/artifact', 'tar-stream'] },
    'runner-kit': {
      packages: ['@actions/core', '@actions/github', '@actions/exec', '@actions/cache', 'tar-stream'],
      readsEnvironment: true,
    },
    sandbox: { packages: [], builtins: SANDBOX_BUILTINS },
    testkit: { packages: [], development: true },
    'local-runner': { packages: [], development: true },
    toolchain: { packages: [], development: true },
  },
  actions: Object.fromEntries(Object.entries(ACTIONS).map(([name, packages]) => [name, action(name, packages)])),
  harmlessBuiltins: [
    'node:buffer',
    'node:crypto',
    'node:events',
    'node:fs',
    'node:fs/promises',
    'node:os',
    'node:path',
    'node:path/posix',
    'node:perf_hooks',
    'node:stream',
    'node:stream/promises',
    'node:timers/promises',
    'node:url',
    'node:util',
    'node:zlib',
  ],
};
