import type { HttpClient } from '@paved/http';
import { SigstoreError } from '../error.js';
import { PUBLIC_GOOD_SIGNING_CONFIG } from '../instance.js';
import { PUBLIC_GOOD_TRUSTED_ROOT } from '../public-good-root.js';
import { parseSigningConfig } from '../signing-config.js';
import { parseTrustedRoot } from '../trusted-root.js';
import { PUBLIC_GOOD_TUF_ROOT } from './public-good-tuf-root.js';
import type { TufRepository } from './tuf-client.js';
import { trustUpdateError } from './tuf-error.js';

/**
 * `required`: fails without an update. `preferred`: an unreachable repository is not an error, and what is embedded is taken; one that
 * answers with something wrong is. `off`: nothing is asked.
 */
export type TrustUpdates = 'required' | 'preferred' | 'off';

export interface LoadTrustOptions {
  readonly http: HttpClient;
  readonly updates: TrustUpdates;
  /** Folder that keeps what was fetched for a day; each repository needs its own. */
  readonly cachePath?: string;
  /** Limit of each request without progress, in milliseconds (default 20,000). */
  readonly timeoutMs?: number;
}

/** What is known about an instance, both documents of one origin. */
export interface InstanceTrust {
  /** trusted_root.json, parsed once to be sure. */
  readonly trustedRoot: string;
  /** signing_config.v0.2.json, parsed once to be sure. */
  readonly signingConfig: string;
  readonly source: 'tuf' | 'embedded';
  /** Why the embedded documents were taken where an update was preferred. */
  readonly unavailable?: SigstoreError;
}

export const PUBLIC_GOOD_TUF_REPOSITORY: TufRepository = {
  url: 'https://tuf-repo-cdn.sigstore.dev',
  root: PUBLIC_GOOD_TUF_ROOT,
};

const TRUSTED_ROOT = 'trusted_root.json';
/** The first names a log of the newer API too; not every instance has one. */
const SIGNING_CONFIGS = ['signing_config_rekor_v2.v0.2.json', 'signing_config.v0.2.json'] as const;

/**
 * Trusted root and services of the public-good instance: from its update repository, verified from the embedded root on, or as embedded.
 * @throws {SigstoreError} `TUF_*`; under `preferred` every one but `TUF_UNAVAILABLE`, because a repository that lies is no outage
 */
export async function loadPublicGoodTrust(options: LoadTrustOptions): Promise<InstanceTrust> {
  const embedded = {
    trustedRoot: PUBLIC_GOOD_TRUSTED_ROOT,
    signingConfig: PUBLIC_GOOD_SIGNING_CONFIG,
    source: 'embedded',
  } as const;
  if (options.updates === 'off') return embedded;
  try {
    return await loadTufTrust({ ...options, repository: PUBLIC_GOOD_TUF_REPOSITORY });
  } catch (error) {
    const outage = error instanceof SigstoreError && error.code === 'TUF_UNAVAILABLE';
    if (!outage || options.updates === 'required') throw error;
    return { ...embedded, unavailable: error };
  }
}

/**
 * The same of any instance that has an update repository; there is nothing embedded to fall back to.
 * @throws {SigstoreError} `TUF_*`, `TRUSTED_ROOT_MALFORMED`, `SIGNING_CONFIG_MALFORMED`
 */
export async function loadTufTrust(
  options: Omit<LoadTrustOptions, 'updates'> & { readonly repository: TufRepository },
): Promise<InstanceTrust> {
  // Loaded here, so that who is given its root pays nothing for the library.
  const { TufClient } = await import('./tuf-client.js');
  const client = new TufClient(options);
  await client.refresh();
  const trustedRoot = (await client.target(TRUSTED_ROOT))?.toString('utf8');
  if (trustedRoot === undefined) throw trustUpdateError('TUF_TARGET_MISSING', TRUSTED_ROOT);
  parseTrustedRoot(trustedRoot);
  for (const name of SIGNING_CONFIGS) {
    const signingConfig = (await client.target(name))?.toString('utf8');
    if (signingConfig === undefined) continue;
    parseSigningConfig(signingConfig);
    await client.keep();
    return { trustedRoot, signingConfig, source: 'tuf' };
  }
  throw trustUpdateError('TUF_TARGET_MISSING', SIGNING_CONFIGS[1]);
}
