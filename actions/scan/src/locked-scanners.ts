import { parseDigest } from '@paved/digest';
import type { LockedTool, ToolLock } from '@paved/runner-kit/tools';

/**
 * The scanners of tools.lock.json, part of the bundle, so that whoever pins this action pins every byte that it runs.
 * A test holds it to the lock of the repository.
 */
export const LOCKED_SCANNERS: ToolLock = {
  tools: [
    locked(
      'gitleaks',
      '8.30.1',
      'linux/amd64',
      'gitleaks/gitleaks/releases/download/v8.30.1/gitleaks_8.30.1_linux_x64.tar.gz',
      '551f6fc83ea457d62a0d98237cbad105af8d557003051f41f3e7ca7b3f2470eb',
      4,
      'gitleaks',
    ),
    locked(
      'gitleaks',
      '8.30.1',
      'linux/arm64',
      'gitleaks/gitleaks/releases/download/v8.30.1/gitleaks_8.30.1_linux_arm64.tar.gz',
      'e4a487ee7ccd7d3a7f7ec08657610aa3606637dab924210b3aee62570fb4b080',
      3,
      'gitleaks',
    ),
    locked(
      'grype',
      '0.117.0',
      'linux/amd64',
      'anchore/grype/releases/download/v0.117.0/grype_0.117.0_linux_amd64.tar.gz',
      '38525dab1e06f162ebaa02f94d82d1f807076b011a44180cf2777edf1a7b9c26',
      2,
      'grype',
    ),
    locked(
      'grype',
      '0.117.0',
      'linux/arm64',
      'anchore/grype/releases/download/v0.117.0/grype_0.117.0_linux_arm64.tar.gz',
      '935f628bdf9331ffdd946931ea5fdb50045d3970ba52670cbeb44a88f127291b',
      2,
      'grype',
    ),
    locked(
      'osv-scanner',
      '2.6.0',
      'linux/amd64',
      'google/osv-scanner/releases/download/v2.6.0/osv-scanner_linux_amd64',
      'ca69b3d3cd08f889a49dc0a383122f71cc528b83803671df5fd874d97485b108',
      2,
    ),
    locked(
      'syft',
      '1.51.0',
      'linux/amd64',
      'anchore/syft/releases/download/v1.51.0/syft_1.51.0_linux_amd64.tar.gz',
      '2a2e837a2c8d59ec9af5472ee22d3b04ee463c4e44476ecf993fd1e5ab6ebc7f',
      2,
      'syft',
    ),
    locked(
      'syft',
      '1.51.0',
      'linux/arm64',
      'anchore/syft/releases/download/v1.51.0/syft_1.51.0_linux_arm64.tar.gz',
      '6c0466811541ea03add5213a60a1562f0851e4c0b0ecfdee1a694a9455285900',
      2,
      'syft',
    ),
    locked(
      'trivy',
      '0.74.0',
      'linux/amd64',
      'aquasecurity/trivy/releases/download/v0.74.0/trivy_0.74.0_Linux-64bit.tar.gz',
      '2ae6fe3ee734b7fdf11335663e18c75ea12dccc76062f09f164a3b0f8be4371a',
      4,
      'trivy',
    ),
    locked(
      'trivy',
      '0.74.0',
      'linux/arm64',
      'aquasecurity/trivy/releases/download/v0.74.0/trivy_0.74.0_Linux-ARM64.tar.gz',
      'b94ce1976bbf3c15b514b605ee88be7c6d94a29be2302847ff01cb794d47aad5',
      4,
      'trivy',
    ),
  ],
};

function locked(
  tool: string,
  version: string,
  platform: LockedTool['platform'],
  path: string,
  hex: string,
  agreement: number,
  executable?: string,
): LockedTool {
  const sha256 = parseDigest(`sha256:${hex}`);
  return { tool, version, platform, path, sha256, ...(executable === undefined ? {} : { executable }), agreement };
}
