import { object, parseJson, record, string, unknown } from '@paved/json';
import { type Answer, jsonAnswer } from './answer.js';
import { type ControlPlane, hasPermission } from './control-plane.js';
import type { Exchange } from './exchange.js';

/** What the service was given to keep; nothing in it is looked at, as the real one only checks the form of a bundle. */
export interface AttestationStore {
  readonly attestations: { readonly repository: string; readonly bundle: unknown }[];
  readonly storageRecords: { readonly owner: string; readonly record: Readonly<Record<string, unknown>> }[];
}

const ATTESTATIONS = /^\/repos\/([^/]+\/[^/]+)\/attestations$/;
const STORAGE_RECORD = /^\/orgs\/([^/]+)\/artifacts\/metadata\/storage-record$/;

const attestationRequest = object({ bundle: object({ mediaType: string }) });

export function isAttestationCall({ method, url }: Exchange): boolean {
  return method === 'POST' && (ATTESTATIONS.test(url.pathname) || STORAGE_RECORD.test(url.pathname));
}

/** `attestations: write` for bundles of the job's own repository, `artifact-metadata: write` for records of its owner. */
export async function handleAttestationCall(
  exchange: Exchange,
  plane: ControlPlane,
  store: AttestationStore,
): Promise<Answer> {
  const job = plane.jobByToken('githubToken', exchange.bearer);
  if (job === undefined) return jsonAnswer(401, { message: 'Bad credentials' });
  exchange.job = job.options.name;
  const body = (await exchange.body()).toString('utf8');
  const repository = ATTESTATIONS.exec(exchange.url.pathname)?.[1];
  const owner = STORAGE_RECORD.exec(exchange.url.pathname)?.[1] ?? repository?.split('/')[0];
  const scope = repository === undefined ? 'artifact-metadata' : 'attestations';
  const own = repository === undefined ? job.run.repository.startsWith(`${owner}/`) : repository === job.run.repository;
  if (!own) return jsonAnswer(404, { message: 'Not Found' });
  if (!hasPermission(job, scope, 'write'))
    return jsonAnswer(403, { message: 'Resource not accessible by integration' });
  try {
    if (repository !== undefined) {
      const { bundle } = parseJson('the request', body, attestationRequest);
      store.attestations.push({ repository, bundle });
      return jsonAnswer(201, { id: 4000 + store.attestations.length });
    }
    const stored = parseJson('the request', body, record(unknown));
    store.storageRecords.push({ owner: owner ?? '', record: stored });
    return jsonAnswer(200, {
      total_count: 1,
      storage_records: [{ id: 5000 + store.storageRecords.length, ...stored }],
    });
  } catch {
    return jsonAnswer(422, { message: 'Invalid request.' });
  }
}
