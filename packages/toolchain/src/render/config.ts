import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PavedError } from '@paved/errors';
import { parseLegs } from '@paved/handoff/legs';
import {
  boolean,
  type Decoder,
  literal,
  object,
  optional,
  parseJson,
  record,
  refine,
  string,
  unknown,
} from '@paved/json';
import { parse as parseYaml } from 'yaml';

export class RenderError extends PavedError<'CONFIG_INVALID' | 'TEMPLATE_INVALID'> {}

const nonEmpty: Decoder<string> = refine(string, (text) => {
  if (text.trim() === '') throw new RenderError('CONFIG_INVALID', 'Cannot use an empty value here');
  return text;
});

/** A literal of the workflow may not start an expression: it would be evaluated with the caller's context. */
const plain: Decoder<string> = refine(string, (text) => {
  if (text.includes('${{')) throw new RenderError('CONFIG_INVALID', 'Cannot use an expression as a value');
  return text;
});

const repository: Decoder<string> = refine(nonEmpty, (text) => {
  if (/^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/.test(text)) return text;
  throw new RenderError('CONFIG_INVALID', `Cannot use "${text}" as a repository: it is not owner/name`);
});

/** https, or http on loopback for the services of a test machine: tokens go to these addresses. */
const serviceUrl: Decoder<string> = refine(plain, (text) => {
  const url = new URL(text);
  const loopback = url.hostname === '127.0.0.1' || url.hostname === '[::1]' || url.hostname === 'localhost';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) return text;
  throw new RenderError('CONFIG_INVALID', `Cannot use "${text}": it is neither https nor loopback`);
});

const selfReference: Decoder<string> = refine(string, (text) => {
  if (text === '$/' || /^[0-9a-f]{40}$/.test(text)) return text;
  throw new RenderError(
    'CONFIG_INVALID',
    `Cannot use "${text}" as self-reference: it is neither $/ nor 40 hexadecimal digits`,
  );
});

/** By digest: the programs in it build what is released. */
const buildkitImage: Decoder<string> = refine(plain, (text) => {
  if (text === '' || /^[a-z0-9][a-z0-9.:/_-]*@sha256:[0-9a-f]{64}$/.test(text)) return text;
  throw new RenderError('CONFIG_INVALID', `Cannot use "${text}" as buildkit-image: it is no image with a digest`);
});

/** One host, or host:port, per line; what an address means is for the action to refuse. */
function hostLines(key: string): Decoder<string> {
  return refine(plain, (text) => {
    const odd = text
      .split('\n')
      .find((line) => !/^\s*(?:(?:[A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)?\s*$/.test(line));
    if (odd === undefined) return text;
    throw new RenderError('CONFIG_INVALID', `Cannot use "${odd}" as a line of ${key}: it is no host`);
  });
}

/** Anything else would be evaluated, or name no environment of GitHub's. */
const environmentName: Decoder<string> = refine(plain, (text) => {
  if (/^(?:[A-Za-z0-9][A-Za-z0-9 ._-]{0,254})?$/.test(text)) return text;
  throw new RenderError(
    'CONFIG_INVALID',
    `Cannot use "${text}" as an environment: it has other characters than names do`,
  );
});

const age: Decoder<string> = refine(plain, (text) => {
  if (/^[1-9][0-9]{0,4}[mhd]$/.test(text)) return text;
  throw new RenderError('CONFIG_INVALID', `Cannot use "${text}" as an age: it is not a number with m, h or d`);
});

const runnerLabel: Decoder<string> = refine(plain, (text) => nonEmpty(text));

/** Platform to the label of the machines that it is built on. */
const platformRunners: Decoder<Readonly<Record<string, string>>> = refine(record(runnerLabel), (platforms) => {
  if (Object.keys(platforms).length > 0) parseLegs(Object.keys(platforms));
  return platforms;
});

const optionalUrl: Decoder<string> = (value, path) => (value === '' ? '' : serviceUrl(value, path));

const decodeConfig = object({
  repository,
  'self-reference': selfReference,
  'server-url': serviceUrl,
  'oidc-issuer': serviceUrl,
  runner: runnerLabel,
  isolation: literal('sandbox', 'none'),
  'npm-registry': optionalUrl,
  'buildkit-image': optional(buildkitImage),
  'private-hosts': optional(hostLines('private-hosts')),
  'patch-mirrors': optional(hostLines('patch-mirrors')),
  sigstore: object({
    'fulcio-url': serviceUrl,
    'rekor-url': serviceUrl,
    'tsa-url': serviceUrl,
    audience: refine(plain, (text) => nonEmpty(text)),
    'trusted-root': nonEmpty,
  }),
  registry: object({
    host: refine(plain, (text) => nonEmpty(text)),
    login: literal('job-token', 'token-exchange'),
    'read-login': optional(literal('job-token', 'anonymous')),
    'token-url': optionalUrl,
    'revocation-url': optionalUrl,
    audience: plain,
  }),
  advisories: object({ osv: plain, kev: plain, 'max-age': plain, 'as-of': plain }),
  scanners: optional(object({ run: plain, databases: plain, 'database-age': plain, 'tool-urls': plain })),
  'policy-floor': plain,
  release: object({ events: plain, 'protected-ref': boolean }),
  build: optional(object({ platforms: platformRunners })),
  seal: optional(object({ environment: optional(environmentName), 'inspection-age': optional(age) })),
  'evidence-store': plain,
});

type Decoded = ReturnType<typeof decodeConfig>;
type Scanners = NonNullable<Decoded['scanners']>;

/** How the seal job starts: who must approve it, and how old what it decides over may be. */
export interface SealConfig {
  /** Name of a deployment environment of the caller's repository; empty: none. */
  readonly environment: string;
  readonly 'inspection-age': string;
}

/**
 * `paved.config.yml`, decoded; `trusted-root` holds the document itself, as one line of JSON. Without `scanners` none runs; without
 * `buildkit-image` Dockerfiles are built by the runner's own BuildKit; without `private-hosts` lock files name public addresses alone; without
 * `patch-mirrors` no base is patched; without `build` there are no workflows that build each platform on a machine of its own; without
 * `seal` nobody is asked, and an inspection counts for a day.
 */
export type PavedConfig = Decoded & {
  readonly scanners: Scanners;
  readonly 'buildkit-image': string;
  readonly 'private-hosts': string;
  readonly 'patch-mirrors': string;
  readonly build: { readonly platforms: Readonly<Record<string, string>> };
  readonly seal: SealConfig;
};

const DEFAULT_INSPECTION_AGE = '24h';
const NO_SCANNERS: Scanners = { run: '', databases: '', 'database-age': '', 'tool-urls': '' };

/** @throws {RenderError} `CONFIG_INVALID` with the path of the field */
export function parseConfig(text: string): PavedConfig {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (cause) {
    throw new RenderError('CONFIG_INVALID', 'Cannot parse the configuration: it is not YAML', { cause });
  }
  try {
    const config = decodeConfig(value);
    assertOneServer(config);
    const registry = { ...config.registry, 'read-login': config.registry['read-login'] ?? 'job-token' } as const;
    return {
      ...config,
      registry,
      scanners: config.scanners ?? NO_SCANNERS,
      'buildkit-image': config['buildkit-image'] ?? '',
      'private-hosts': config['private-hosts'] ?? '',
      'patch-mirrors': config['patch-mirrors'] ?? '',
      build: config.build ?? { platforms: {} },
      seal: {
        environment: config.seal?.environment ?? '',
        'inspection-age': config.seal?.['inspection-age'] ?? DEFAULT_INSPECTION_AGE,
      },
    };
  } catch (cause) {
    throw new RenderError('CONFIG_INVALID', 'Cannot use the configuration', {
      cause,
      hint: 'Correct paved.config.yml',
    });
  }
}

const GITHUB = 'https://github.com';
const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';

/** Another server has an issuer of its own: on it every release would be refused, or somebody else's token accepted. */
function assertOneServer(config: Decoded): void {
  const [server, issuer] = [new URL(config['server-url']).origin, new URL(config['oidc-issuer']).origin];
  if (server === GITHUB || issuer !== GITHUB_ISSUER) return;
  throw new RenderError('CONFIG_INVALID', `Cannot use the issuer of github.com with ${server}`, {
    hint: 'Set oidc-issuer to https://HOST/_services/token, or of a tenant to https://token.actions.TENANT.ghe.com',
  });
}

/** Reads the configuration and the trusted root that it names, relative to it. */
export async function readConfig(path: string): Promise<PavedConfig> {
  const config = parseConfig(await readFile(path, 'utf8'));
  const rootPath = join(dirname(path), config.sigstore['trusted-root']);
  const root = parseJson(`"${rootPath}"`, await readFile(rootPath, 'utf8'), record(unknown));
  return { ...config, sigstore: { ...config.sigstore, 'trusted-root': JSON.stringify(root) } };
}
