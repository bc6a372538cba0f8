/** A program of somebody else, built from its Go module at a fixed version; Go's checksum database vouches for the source. */
export interface Engine {
  readonly module: string;
  readonly version: string;
  /** Path of the main package below the module, with a leading slash; empty for the module itself. */
  readonly command: string;
  /** The `go` line that the module needs; an older toolchain fetches it. */
  readonly go: string;
  /** GOEXPERIMENT of the build, where the module needs one. */
  readonly experiment?: string;
}

const GO = '1.24';

export const ENGINES = {
  crane: { module: 'github.com/google/go-containerregistry', version: 'v0.22.1', command: '/cmd/crane', go: GO },
  distribution: {
    module: 'github.com/distribution/distribution/v3',
    version: 'v3.1.2',
    command: '/cmd/registry',
    go: GO,
  },
  oras: { module: 'oras.land/oras', version: 'v1.2.3', command: '/cmd/oras', go: GO },
  act: { module: 'github.com/nektos/act', version: 'v0.2.89', command: '', go: GO },
  actionlint: { module: 'github.com/rhysd/actionlint', version: 'v1.7.12', command: '/cmd/actionlint', go: GO },
  fulcio: { module: 'github.com/sigstore/fulcio', version: 'v1.8.8', command: '', go: GO },
  rekor: {
    module: 'github.com/sigstore/rekor-tiles/v2',
    version: 'v2.3.0',
    command: '/cmd/rekor-server/posix',
    go: GO,
  },
  'timestamp-server': {
    module: 'github.com/sigstore/timestamp-authority/v2',
    version: 'v2.1.5',
    command: '/cmd/timestamp-server',
    go: '1.27.0',
  },
  gh: { module: 'github.com/cli/cli/v2', version: 'v2.83.0', command: '/cmd/gh', go: GO },
  syft: { module: 'github.com/anchore/syft', version: 'v1.52.0', command: '/cmd/syft', go: GO },
  cosign: { module: 'github.com/sigstore/cosign/v3', version: 'v3.1.3', command: '/cmd/cosign', go: GO },
  grype: { module: 'github.com/anchore/grype', version: 'v0.110.0', command: '/cmd/grype', go: GO },
  'osv-scanner': {
    module: 'github.com/google/osv-scanner/v2',
    version: 'v2.2.4',
    command: '/cmd/osv-scanner',
    go: GO,
  },
  gitleaks: { module: 'github.com/zricethezav/gitleaks/v8', version: 'v8.30.1', command: '', go: GO },
  trivy: {
    module: 'github.com/aquasecurity/trivy',
    version: 'v0.68.1',
    command: '/cmd/trivy',
    go: GO,
    experiment: 'jsonv2',
  },
  opa: { module: 'github.com/open-policy-agent/opa', version: 'v1.22.0', command: '', go: GO },
  buildkitd: { module: 'github.com/moby/buildkit', version: 'v0.26.2', command: '/cmd/buildkitd', go: GO },
  'dockerfile-frontend': {
    module: 'github.com/moby/buildkit',
    version: 'v0.26.2',
    command: '/frontend/dockerfile/cmd/dockerfile-frontend',
    go: GO,
  },
  buildctl: { module: 'github.com/moby/buildkit', version: 'v0.26.2', command: '/cmd/buildctl', go: GO },
  copa: { module: 'github.com/project-copacetic/copacetic', version: 'v0.14.2', command: '', go: '1.25.9' },
} as const satisfies Readonly<Record<string, Engine>>;

export type EngineName = keyof typeof ENGINES;
