import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Repositories } from '@paved/local-runner';
import {
  type GitHubService,
  type Issuer,
  type RegistryDouble,
  startGitHub,
  startIssuer,
  startRegistry,
  startSigstore,
  startTokenService,
  type TokenService,
} from '@paved/testkit';
import { readConfig, renderComposites, renderWorkflows, writeWorkflows } from '@paved/toolchain';
import { stringify } from 'yaml';
import { type AdvisoryFeed, startAdvisoryFeed } from './advisories.js';
import { commitAll } from './git.js';

export const PLATFORM = 'org/paved';
export const AUDIENCE = 'registry.demo.test';

/** Where certificates, log entries and timestamps come from: the loopback double, or real services. */
export interface SigstoreEndpoints {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly tsaUrl: string;
  /** trusted_root.json, as text. */
  readonly trustedRoot: string;
  close(): Promise<void>;
}

export interface World {
  readonly folder: string;
  readonly issuer: Issuer;
  readonly github: GitHubService;
  readonly registry: RegistryDouble;
  /** `127.0.0.1:port`. */
  readonly registryHost: string;
  readonly tokenService: TokenService;
  readonly sigstore: SigstoreEndpoints;
  readonly trustedRootPath: string;
  readonly feed: AdvisoryFeed;
  readonly evidenceStore: string;
  readonly isolation: 'sandbox' | 'none';
  readonly repositories: Repositories;
  /** Commit of the platform repository that every release is sealed by. */
  readonly platformCommit: string;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** An empty folder that everything is written below. */
  readonly folder: string;
  readonly isolation: 'sandbox' | 'none';
  /** Default: the loopback double. */
  readonly sigstore?: (issuer: Issuer) => Promise<SigstoreEndpoints>;
  /** Puts into the registry what the rendered workflows name, and returns what of the configuration differs for it. */
  readonly prepare?: (registry: RegistryDouble) => Promise<Readonly<Record<string, unknown>>>;
}

/** Starts the services and renders the platform repository against them, as a platform team would against its own. */
export async function openWorld({ folder, isolation, sigstore: openSigstore, prepare }: WorldOptions): Promise<World> {
  const issuer = await startIssuer();
  const sigstore = await (openSigstore ?? loopbackSigstore)(issuer);
  const github = await startGitHub({ issuer });
  const tokenService = await startTokenService({ issuer: issuer.url, audience: AUDIENCE });
  const registry = await startRegistry({ auth: 'bearer', tokenService, anonymousPull: true });
  const feed = await startAdvisoryFeed();
  const evidenceStore = join(folder, 'evidence-store');
  mkdirSync(evidenceStore, { recursive: true });

  const platform = join(folder, 'platform');
  const registryHost = new URL(registry.url).host;
  const services = { issuer, sigstore, tokenService, registryHost, feed, evidenceStore, isolation };
  const platformCommit = await writePlatform(platform, services, (await prepare?.(registry)) ?? {});

  return {
    ...services,
    folder,
    github,
    registry,
    trustedRootPath: join(platform, 'root.json'),
    repositories: { [PLATFORM]: { path: platform, sha: platformCommit, ref: 'refs/tags/v1' } },
    platformCommit,
    close: async () => {
      await Promise.all([feed, registry, tokenService, github, sigstore].map((service) => service.close()));
      await issuer.close();
    },
  };
}

type PlatformServices = Pick<
  World,
  'issuer' | 'sigstore' | 'tokenService' | 'registryHost' | 'feed' | 'evidenceStore' | 'isolation'
>;

/** The tree that callers use: bundles, action.yml files, and the workflows rendered for these services. */
async function writePlatform(
  folder: string,
  services: PlatformServices,
  settings: Readonly<Record<string, unknown>>,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  for (const name of readdirSync('actions')) {
    const manifest = join('actions', name, 'action.yml');
    if (!existsSync(manifest)) continue;
    mkdirSync(join(folder, 'actions', name), { recursive: true });
    cpSync(manifest, join(folder, manifest));
  }
  writeFileSync(join(folder, 'root.json'), services.sigstore.trustedRoot);
  const configPath = join(folder, 'paved.config.yml');
  writeFileSync(configPath, stringify({ ...demoConfig(services), ...settings }));
  const config = await readConfig(configPath);
  await writeWorkflows(join(folder, '.github/workflows'), await renderWorkflows('workflows', config));
  for (const [path, text] of await renderComposites(process.cwd(), config)) writeFileSync(join(folder, path), text);
  return commitAll(folder, 'render for the demo');
}

function demoConfig({
  issuer,
  sigstore,
  tokenService,
  registryHost,
  feed,
  evidenceStore,
  isolation,
}: PlatformServices): Readonly<Record<string, unknown>> {
  return {
    repository: PLATFORM,
    'self-reference': '$/',
    'server-url': 'https://github.com',
    'oidc-issuer': issuer.url,
    runner: 'ubuntu-24.04',
    isolation,
    'npm-registry': process.env.npm_config_registry?.replace(/\/$/, '') ?? '',
    sigstore: {
      'fulcio-url': sigstore.fulcioUrl,
      'rekor-url': sigstore.rekorUrl,
      'tsa-url': sigstore.tsaUrl,
      audience: 'sigstore',
      'trusted-root': 'root.json',
    },
    registry: {
      host: registryHost,
      login: 'token-exchange',
      'read-login': 'anonymous',
      'token-url': tokenService.tokenUrl,
      'revocation-url': tokenService.revocationUrl,
      audience: AUDIENCE,
    },
    advisories: { osv: feed.osv, kev: feed.kev, 'max-age': '7d', 'as-of': feed.asOf },
    'policy-floor': readFileSync('test/demo/policy-floor.yml', 'utf8'),
    release: { events: 'push\nworkflow_dispatch\nschedule', 'protected-ref': true },
    'evidence-store': `file://${evidenceStore}`,
  };
}

async function loopbackSigstore(issuer: Issuer): Promise<SigstoreEndpoints> {
  return startSigstore({ issuer });
}
