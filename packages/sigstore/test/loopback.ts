import { HttpClient } from '@paved/http';
import {
  type GitHubClaimsOptions,
  githubClaims,
  type Issuer,
  type Sigstore,
  type StartSigstoreOptions,
  startIssuer,
  startSigstore,
} from '@paved/testkit';
import {
  type IdentityPolicy,
  openSigningSession,
  type SigningSession,
  type SigningSessionOptions,
} from '../src/index.js';

export const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
export const SIGNER_DIGEST = 'c'.repeat(40);

/** Claims of a job in a reusable workflow of another repository. */
export const CLAIMS: GitHubClaimsOptions = {
  repository: 'acme/widget',
  jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`,
  jobWorkflowSha: SIGNER_DIGEST,
};

export interface Loopback {
  readonly issuer: Issuer;
  readonly sigstore: Sigstore;
  /** Every token that was handed out. */
  readonly tokens: readonly string[];
  readonly policy: IdentityPolicy;
  open(options?: Partial<SigningSessionOptions>, claims?: GitHubClaimsOptions): Promise<SigningSession>;
  close(): Promise<void>;
}

export async function startLoopbackSigstore(options: Omit<StartSigstoreOptions, 'issuer'> = {}): Promise<Loopback> {
  const issuer = await startIssuer();
  const sigstore = await startSigstore({ issuer, ...options });
  const http = new HttpClient({ retry: { baseDelayMs: 1, maxDelayMs: 5 } });
  const tokens: string[] = [];
  return {
    issuer,
    sigstore,
    tokens,
    policy: {
      issuer: issuer.url,
      workflowPath: `github.com/${WORKFLOW}`,
      signerDigests: ['d'.repeat(40), SIGNER_DIGEST],
      repositoryId: '900100',
      ownerId: '800200',
      sourceRef: 'refs/heads/main',
      runnerEnvironment: 'github-hosted',
    },
    open: (overrides = {}, claims = CLAIMS) =>
      openSigningSession({
        fulcioUrl: sigstore.fulcioUrl,
        rekorUrl: sigstore.rekorUrl,
        tsaUrl: sigstore.tsaUrl,
        transparency: 'required',
        http,
        idToken: async () => {
          const token = await issuer.sign(githubClaims(claims), { audience: 'sigstore' });
          tokens.push(token);
          return token;
        },
        ...overrides,
      }),
    async close() {
      http.close();
      await Promise.all([sigstore.close(), issuer.close()]);
    },
  };
}
