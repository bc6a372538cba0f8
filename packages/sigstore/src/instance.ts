import type { LogService } from './bundle-run.js';
import { SigstoreError } from './error.js';
import { PUBLIC_GOOD_TRUSTED_ROOT } from './public-good-root.js';
import { parseSigningConfig, selectServices } from './signing-config.js';
import type { Transparency } from './verify-material.js';

export { PUBLIC_GOOD_TRUSTED_ROOT };

/** Where to sign. `custom` names its services itself, or by a signing config. */
export type InstanceName = 'public-good' | 'github' | 'custom';

/** Services of an instance at one moment. */
export interface InstanceServices {
  readonly fulcioUrl: string;
  readonly logs: readonly LogService[];
  readonly tsaUrls: readonly string[];
  /** What the instance's bundles verify against, where this package knows it. */
  readonly trustedRoot?: string;
}

export interface InstanceOptions {
  readonly instance: InstanceName;
  readonly transparency: Transparency;
  /** Text; takes the place of what is known about the instance. */
  readonly signingConfig?: string;
  /** 1 or 2; absent means the highest that the instance offers. */
  readonly rekorVersion?: 1 | 2;
  readonly at: Date;
}

const FULCIO_VERSIONS = [1, 2];
const REKOR_VERSIONS = [1, 2];
const TSA_VERSIONS = [1];

const window = (start: string) => ({ validFor: { start } });
const operator = 'sigstore.dev';

/** As target `signing_config_rekor_v2.v0.2.json` of the instance: both logs, of which the newer API wins. */
export const PUBLIC_GOOD_SIGNING_CONFIG = JSON.stringify({
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [{ url: 'https://fulcio.sigstore.dev', majorApiVersion: 1, operator, ...window('2022-04-13T20:06:15Z') }],
  rekorTlogUrls: [
    { url: 'https://log2025-1.rekor.sigstore.dev', majorApiVersion: 2, operator, ...window('2026-01-01T00:00:00Z') },
    { url: 'https://rekor.sigstore.dev', majorApiVersion: 1, operator, ...window('2021-01-12T11:53:27Z') },
  ],
  rekorTlogConfig: { selector: 'ANY' },
  tsaUrls: [
    {
      url: 'https://timestamp.sigstore.dev/api/v1/timestamp',
      majorApiVersion: 1,
      operator,
      ...window('2025-07-04T00:00:00Z'),
    },
  ],
  tsaConfig: { selector: 'ANY' },
});

/** GitHub's instance for private repositories has no log; its timestamp authority is the only witness. */
const GITHUB: InstanceServices = {
  fulcioUrl: 'https://fulcio.githubapp.com',
  logs: [],
  tsaUrls: ['https://timestamp.githubapp.com/api/v1/timestamp'],
};

/**
 * The services to sign with now.
 * @throws {SigstoreError} `SIGNING_CONFIG_MALFORMED`, `SERVICE_NOT_AVAILABLE`, and `SESSION_INVALID` for a log of an instance that
 *   has none, or a custom instance without a signing config
 */
export function resolveInstance(options: InstanceOptions): InstanceServices {
  const { instance, signingConfig } = options;
  if (signingConfig !== undefined) return { ...fromConfig(signingConfig, options), ...rootOf(instance) };
  switch (instance) {
    case 'public-good':
      return { ...fromConfig(PUBLIC_GOOD_SIGNING_CONFIG, options), ...rootOf(instance) };
    case 'github':
      if (options.transparency === 'required') {
        throw new SigstoreError('SESSION_INVALID', 'Cannot sign with instance "github": it has no transparency log', {
          hint: 'Choose transparency "off", or instance "public-good"',
        });
      }
      return GITHUB;
    case 'custom':
      throw new SigstoreError('SESSION_INVALID', 'Cannot sign with instance "custom": nothing names its services', {
        hint: 'Give a signing config, or the addresses of Fulcio, Rekor and the timestamp authority',
      });
  }
}

function rootOf(instance: InstanceName): { readonly trustedRoot?: string } {
  return instance === 'public-good' ? { trustedRoot: PUBLIC_GOOD_TRUSTED_ROOT } : {};
}

function fromConfig(text: string, { transparency, rekorVersion, at }: InstanceOptions): InstanceServices {
  const config = parseSigningConfig(text);
  const [authority] = selectServices(config.authorities, { selector: 'ANY' }, FULCIO_VERSIONS, at);
  if (authority === undefined) {
    throw new SigstoreError('SERVICE_NOT_AVAILABLE', 'Cannot sign with the signing config: it names no authority', {
      hint: 'Give the signing_config.json of the instance, or sign with a key',
    });
  }
  const versions = rekorVersion === undefined ? REKOR_VERSIONS : [rekorVersion];
  const logs = transparency === 'off' ? [] : selectServices(config.logs, config.logSelector, versions, at);
  // An older instance has no timestamp authority: its log's promise says when.
  const promised = transparency === 'required' && logs.some(({ majorApiVersion }) => majorApiVersion === 1);
  const stamps =
    promised && config.timestampAuthorities.length === 0
      ? []
      : selectServices(config.timestampAuthorities, config.timestampSelector, TSA_VERSIONS, at);
  return {
    fulcioUrl: authority.url,
    logs: logs.map(({ url, majorApiVersion }) => ({ url, version: majorApiVersion === 1 ? 1 : 2 })),
    tsaUrls: stamps.map(({ url }) => url),
  };
}
