import { parseJson, record, unknown } from '@paved/json';
import { type Answer, jsonAnswer } from './answer.js';
import { ArtifactConflict, type ArtifactStore, type StoredArtifact } from './artifact-store.js';
import type { ControlPlane, JobRecord } from './control-plane.js';
import type { Exchange } from './exchange.js';

const SERVICE = '/twirp/github.actions.results.api.v1.ArtifactService/';

type Fields = Readonly<Record<string, unknown>>;

/** Twirp over JSON (artifact service v4), as @actions/artifact 6 speaks it: snake_case fields, 64-bit numbers as strings. */
export function isArtifactCall(exchange: Exchange): boolean {
  return exchange.url.pathname.startsWith(SERVICE);
}

export async function handleArtifactCall(
  exchange: Exchange,
  plane: ControlPlane,
  store: ArtifactStore,
  origin: string,
): Promise<Answer> {
  const job = plane.jobByToken('runtimeToken', exchange.bearer);
  if (job === undefined) return twirpError(401, 'unauthenticated', 'the runtime token is not valid');
  exchange.job = job.options.name;
  const fields = parseJson('the twirp request', (await exchange.body()).toString('utf8'), record(unknown));
  const readable = exchange.url.pathname.endsWith('/GetSignedArtifactURL') ? job.run.earlierBackendIds : [];
  if (![job.run.backendId, ...readable].includes(text(fields.workflow_run_backend_id))) {
    return twirpError(403, 'permission_denied', 'the token belongs to another run');
  }
  const call = { exchange, job, fields, store, origin };
  switch (exchange.url.pathname.slice(SERVICE.length)) {
    case 'CreateArtifact':
      return createArtifact(call);
    case 'FinalizeArtifact':
      return finalizeArtifact(call);
    case 'ListArtifacts':
      return listArtifacts(call);
    case 'GetSignedArtifactURL':
      return getSignedUrl(call);
    case 'DeleteArtifact':
      return deleteArtifact(call);
    default:
      return twirpError(404, 'bad_route', 'no such method');
  }
}

interface Call {
  readonly exchange: Exchange;
  readonly job: JobRecord;
  readonly fields: Fields;
  readonly store: ArtifactStore;
  readonly origin: string;
}

function createArtifact({ job, fields, store, origin }: Call): Answer {
  if (fields.workflow_job_run_backend_id !== job.backendId) {
    return twirpError(403, 'permission_denied', 'the token belongs to another job');
  }
  const name = text(fields.name);
  if (name === '') return twirpError(400, 'invalid_argument', 'name is missing');
  try {
    const signature = store.create({
      name,
      runBackendId: job.run.backendId,
      jobBackendId: job.backendId,
      mimeType: text(fields.mime_type) || 'application/zip',
    });
    return jsonAnswer(200, { ok: true, signed_upload_url: blobUrl(origin, job.run.backendId, name, signature) });
  } catch (error) {
    if (!(error instanceof ArtifactConflict)) throw error;
    return twirpError(409, 'already_exists', error.message);
  }
}

function finalizeArtifact({ job, fields, store }: Call): Answer {
  const digest = text(fields.hash) || undefined;
  const id = store.finalize(
    { name: text(fields.name), runBackendId: job.run.backendId },
    Number(text(fields.size)),
    digest,
  );
  if (id === undefined) {
    return twirpError(400, 'invalid_argument', 'the uploaded bytes are missing or have another size');
  }
  return jsonAnswer(200, { ok: true, artifact_id: String(id) });
}

function listArtifacts({ job, fields, store }: Call): Answer {
  const [name, id] = [text(fields.name_filter), text(fields.id_filter)];
  const artifacts = [...job.run.earlierBackendIds, job.run.backendId]
    .flatMap((backendId) => store.list(backendId))
    .filter((artifact) => (name === '' || artifact.name === name) && (id === '' || String(artifact.id) === id));
  return jsonAnswer(200, { artifacts: artifacts.map(listed) });
}

function getSignedUrl({ job, fields, store, origin }: Call): Answer {
  const artifact = store.byName(text(fields.workflow_run_backend_id), text(fields.name));
  if (artifact === undefined) return twirpError(404, 'not_found', 'no such artifact');
  const signature = store.signDownload(artifact.id);
  return jsonAnswer(200, { signed_url: blobUrl(origin, job.run.backendId, artifact.name, signature) });
}

/** Any job of the run may delete, as on the real service: names protect nothing, only ids with digests do. */
function deleteArtifact({ job, fields, store }: Call): Answer {
  const artifact = store.byName(job.run.backendId, text(fields.name));
  if (artifact === undefined) return twirpError(404, 'not_found', 'no such artifact');
  store.delete(artifact.id);
  return jsonAnswer(200, { ok: true, artifact_id: String(artifact.id) });
}

function listed(artifact: StoredArtifact): Fields {
  return {
    workflow_run_backend_id: artifact.runBackendId,
    workflow_job_run_backend_id: artifact.jobBackendId,
    database_id: String(artifact.id),
    name: artifact.name,
    size: String(artifact.bytes.length),
    created_at: artifact.createdAt,
    ...(artifact.digest === undefined ? {} : { digest: artifact.digest }),
  };
}

/** The storage SDK reads account and container from the path when the host is an address. */
function blobUrl(origin: string, runBackendId: string, name: string, signature: string): string {
  return `${origin}/_blob/actions-results/${runBackendId}/${encodeURIComponent(name)}?sig=${signature}`;
}

/** Wrapper messages (StringValue, Int64Value) are plain values in proto3 JSON. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function twirpError(status: number, code: string, msg: string): Answer {
  return jsonAnswer(status, { code, msg });
}
