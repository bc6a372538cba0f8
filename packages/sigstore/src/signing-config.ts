import { array, integer, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { SigstoreError } from './error.js';

/** One service of an instance, with its window of validity. */
export interface ConfiguredService {
  readonly url: string;
  readonly majorApiVersion: number;
  readonly operator: string;
  readonly validFrom: Date;
  /** The last moment; absent means that the service is not planned to end. */
  readonly validUntil?: Date;
}

/** How many services of a kind a signature needs: one, all operators, or an exact number of operators. */
export type ServiceSelector =
  | { readonly selector: 'ANY' | 'ALL' }
  | { readonly selector: 'EXACT'; readonly count: number };

/** A SigningConfig of version 0.2 (protobuf-specs, sigstore_trustroot.proto). */
export interface SigningConfig {
  readonly authorities: readonly ConfiguredService[];
  readonly logs: readonly ConfiguredService[];
  readonly logSelector: ServiceSelector;
  readonly timestampAuthorities: readonly ConfiguredService[];
  readonly timestampSelector: ServiceSelector;
}

const MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';

const time = refine(string, (text) => {
  const parsed = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(parsed.getTime())) {
    throw new RangeError('it is not a time');
  }
  return parsed;
});
const serviceUrl = refine(string, (text) => {
  const url = new URL(text);
  const loopback = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) throw new RangeError('it is not https');
  if (url.username !== '' || url.password !== '') throw new RangeError('it carries credentials');
  return text;
});
const service = refine(
  object({
    url: serviceUrl,
    majorApiVersion: integer,
    operator: string,
    validFor: object({ start: time, end: optional(time) }),
  }),
  ({ validFor: { start, end }, ...rest }): ConfiguredService => ({
    ...rest,
    validFrom: start,
    ...(end === undefined ? {} : { validUntil: end }),
  }),
);
const selector = refine(
  object({ selector: literal('ANY', 'ALL', 'EXACT'), count: optional(integer) }),
  (found): ServiceSelector => {
    if (found.selector !== 'EXACT') return { selector: found.selector };
    if (found.count === undefined || found.count < 1) throw new RangeError('EXACT needs a count');
    return { selector: 'EXACT', count: found.count };
  },
);
const document = object({
  mediaType: literal(MEDIA_TYPE),
  caUrls: optional(array(service)),
  rekorTlogUrls: optional(array(service)),
  rekorTlogConfig: optional(selector),
  tsaUrls: optional(array(service)),
  tsaConfig: optional(selector),
});

/** @throws {SigstoreError} `SIGNING_CONFIG_MALFORMED` with the field as cause */
export function parseSigningConfig(json: string): SigningConfig {
  try {
    const parsed = parseJson('the signing config', json, document);
    const any: ServiceSelector = { selector: 'ANY' };
    return {
      authorities: parsed.caUrls ?? [],
      logs: parsed.rekorTlogUrls ?? [],
      logSelector: parsed.rekorTlogConfig ?? any,
      timestampAuthorities: parsed.tsaUrls ?? [],
      timestampSelector: parsed.tsaConfig ?? any,
    };
  } catch (cause) {
    throw new SigstoreError('SIGNING_CONFIG_MALFORMED', 'Cannot read the signing config', {
      cause,
      hint: 'Give the signing_config.v0.2.json of the Sigstore instance',
    });
  }
}

/**
 * Chooses services at a moment (rekor-tiles, CLIENTS.md; protobuf-specs): those in their window whose API we speak; of each
 * operator the one with the highest API version, then the newest; then as many operators as the selector asks for.
 * @throws {SigstoreError} `SERVICE_NOT_AVAILABLE` when fewer are left than the selector needs
 */
export function selectServices(
  services: readonly ConfiguredService[],
  wanted: ServiceSelector,
  supportedVersions: readonly number[],
  at: Date,
): readonly ConfiguredService[] {
  const usable = services.filter(
    ({ majorApiVersion, validFrom, validUntil }) =>
      supportedVersions.includes(majorApiVersion) && validFrom <= at && at <= (validUntil ?? at),
  );
  const best = new Map<string, ConfiguredService>();
  for (const candidate of usable) {
    const known = best.get(candidate.operator);
    if (known === undefined || isBetter(candidate, known)) best.set(candidate.operator, candidate);
  }
  const operators = [...best.values()].sort((a, b) => (isBetter(a, b) ? -1 : 1));
  const needed = wanted.selector === 'EXACT' ? wanted.count : 1;
  if (operators.length < needed) {
    throw new SigstoreError(
      'SERVICE_NOT_AVAILABLE',
      `Cannot sign with the signing config: ${needed} services are needed, ${operators.length} are valid now`,
      { hint: 'Update the signing config, or check the clock of this machine' },
    );
  }
  return wanted.selector === 'ALL' ? operators : operators.slice(0, needed);
}

function isBetter(a: ConfiguredService, b: ConfiguredService): boolean {
  if (a.majorApiVersion !== b.majorApiVersion) return a.majorApiVersion > b.majorApiVersion;
  return a.validFrom > b.validFrom;
}
