import type { HttpClient } from '@paved/http';
import { type InstanceTrust, loadPublicGoodTrust, loadTufTrust, type TrustUpdates } from './instance-trust.js';

/** What the inputs of an action say about where trust comes from. */
export interface TrustChoice {
  readonly instance: string;
  /** Update repository of an own instance, and its first root. */
  readonly tufUrl: string | undefined;
  readonly tufRoot: string | undefined;
  readonly updates: TrustUpdates;
  readonly cachePath: string | undefined;
}

export interface TrustContext {
  readonly http: HttpClient;
  readonly log: { warning(text: string): void };
  /** Called once for the public-good instance; `code` is why the embedded documents were taken. */
  readonly onLoaded: (loaded: { readonly source: InstanceTrust['source']; readonly code?: string }) => void;
}

/** How wrong usage is told, equal in every action. */
export const HALF_REPOSITORY = 'Cannot choose the update repository: tuf-url and tuf-root go together';
export const HALF_REPOSITORY_HINT = 'Give both, and instance "custom"';

/** False for half a repository, and for one beside an instance that has its own. */
export function isTrustChoice({ instance, tufUrl, tufRoot }: TrustChoice): boolean {
  if ((tufUrl === undefined) !== (tufRoot === undefined)) return false;
  return tufUrl === undefined || instance === 'custom';
}

/**
 * What the chosen update repository says, or `undefined` where none is chosen.
 * @throws {SigstoreError} `TUF_*`, `TRUSTED_ROOT_MALFORMED`, `SIGNING_CONFIG_MALFORMED`
 */
export async function loadChosenTrust(choice: TrustChoice, context: TrustContext): Promise<InstanceTrust | undefined> {
  const { tufUrl: url, tufRoot: root, cachePath, updates } = choice;
  const options = { http: context.http, ...(cachePath === undefined ? {} : { cachePath }) };
  if (url !== undefined && root !== undefined) {
    return await loadTufTrust({ ...options, repository: { url, root: Buffer.from(root) } });
  }
  if (choice.instance !== 'public-good') return undefined;
  const trust = await loadPublicGoodTrust({ ...options, updates });
  if (trust.unavailable !== undefined) {
    context.log.warning('The update repository of the instance cannot be reached; the embedded trusted root is used');
  }
  const unavailable = trust.unavailable === undefined ? {} : { code: trust.unavailable.code };
  context.onLoaded({ source: trust.source, ...unavailable });
  return trust;
}
