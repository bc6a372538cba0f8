import type { JWTPayload } from 'jose';
import type { Issuer } from '../issuer/start-issuer.js';
import { createFulcio } from './fulcio.js';
import { createRekor } from './rekor.js';
import { createRekorV1 } from './rekor-v1.js';
import { type SigstoreFaults, type SigstoreRequest, startService } from './service.js';
import { buildTrustedRoot } from './trusted-root.js';
import { createTsa } from './tsa.js';

export interface StartSigstoreOptions {
  /** Whose tokens the certificate authority accepts. */
  readonly issuer: Issuer;
  /** Default `sigstore`. */
  readonly audience?: string;
  /** GitHub server that stands in certificates (default https://github.com). */
  readonly serverUrl?: string;
  /** Fixes the time of the timestamp authority (default: now). */
  readonly tsaClock?: Date;
}

/** A Sigstore instance on loopback: certificate authority with CT log, Rekor v2, timestamp authority, each on its own port. */
export interface Sigstore {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  /** A second log, with the v1 API; its requests and faults are those of `rekor`. */
  readonly rekorV1Url: string;
  /** Full path of the timestamp endpoint. */
  readonly tsaUrl: string;
  /** Text of `trusted_root.json`. */
  readonly trustedRoot: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly SigstoreRequest[];
  readonly faults: SigstoreFaults;
  /** Claims that the authority certifies instead of the token's own: what a compromised authority could do. */
  readonly certifiedClaims: Record<string, string>;
  /** False: certificates carry no SCT. */
  embedSct: boolean;
  close(): Promise<void>;
}

export async function startSigstore(options: StartSigstoreOptions): Promise<Sigstore> {
  const requests: SigstoreRequest[] = [];
  const faults: SigstoreFaults = {};
  const certifiedClaims: Record<string, string> = {};
  const state = { embedSct: true };
  const fulcio = await createFulcio({
    issuer: options.issuer,
    audience: options.audience ?? 'sigstore',
    serverUrl: options.serverUrl,
    certify: (claims: JWTPayload) => ({ ...claims, ...certifiedClaims }),
    embedSct: () => state.embedSct,
  });
  const rekor = createRekor();
  const rekorV1 = createRekorV1();
  const tsa = await createTsa(() => options.tsaClock ?? new Date());
  const [fulcioService, rekorService, rekorV1Service, tsaService] = await Promise.all([
    startService('fulcio', fulcio.routes, requests, faults),
    startService('rekor', rekor.routes, requests, faults),
    startService('rekor', rekorV1.routes, requests, faults),
    startService('tsa', tsa.routes, requests, faults),
  ]);
  const fulcioUrl = fulcioService.url;
  const rekorUrl = rekorService.url;
  const rekorV1Url = rekorV1Service.url;
  const tsaUrl = `${tsaService.url}/api/v1/timestamp`;
  return {
    fulcioUrl,
    rekorUrl,
    rekorV1Url,
    tsaUrl,
    trustedRoot: buildTrustedRoot({ fulcio, fulcioUrl, rekor, rekorUrl, rekorV1, rekorV1Url, tsa, tsaUrl }),
    requests,
    faults,
    certifiedClaims,
    get embedSct() {
      return state.embedSct;
    },
    set embedSct(embed) {
      state.embedSct = embed;
    },
    async close() {
      await Promise.all([fulcioService.close(), rekorService.close(), rekorV1Service.close(), tsaService.close()]);
    },
  };
}
