import type { HttpClient } from '@paved/http';
import { array, type Decoder, parseJson, record, unknown } from '@paved/json';

/** How a job reaches the artifact service of its run. */
export interface ArtifactAccess {
  /** ACTIONS_RESULTS_URL; only its origin counts. */
  readonly resultsUrl: string;
  /** ACTIONS_RUNTIME_TOKEN: for the artifacts of this run alone. Never part of a message. */
  readonly runtimeToken: string;
  /** Some servers have no artifacts by id. */
  readonly serverUrl: string;
}

/** An artifact as the service describes it; nothing of it is trusted. */
export interface StatedArtifact {
  readonly name: string;
  readonly runBackendId: string;
  readonly jobBackendId: string;
  /** Bytes; `undefined` where the service says nothing that is a size. */
  readonly size: number | undefined;
}

const SERVICE = 'github.actions.results.api.v1.ArtifactService';
const MAX_ANSWER_BYTES = 1024 * 1024;
const ATTEMPTS = 4;

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf: Decoder<Fields> = record(unknown);

/**
 * The two questions about an artifact that come before its download, in the service's own protocol (Twirp over proto3 JSON, whose fields
 * may be written in either case and 64-bit numbers as text): the client of `@actions/artifact` asks them as well, and keeps the size.
 */
export class ResultsService {
  readonly #access: ArtifactAccess;
  readonly #http: HttpClient;

  constructor(access: ArtifactAccess, http: HttpClient) {
    this.#access = access;
    this.#http = http;
  }

  /** What this run has under an id, if anything. */
  async find(id: number): Promise<StatedArtifact | undefined> {
    const answer = await this.#ask('ListArtifacts', {
      ...backendIds(this.#access.runtimeToken),
      id_filter: String(id),
    });
    const artifacts = array(fieldsOf)(answer.artifacts ?? [], 'artifacts');
    const found = artifacts.find((fields) => text(fields, 'database_id') === String(id));
    if (found === undefined) return undefined;
    return {
      name: text(found, 'name'),
      runBackendId: text(found, 'workflow_run_backend_id'),
      jobBackendId: text(found, 'workflow_job_run_backend_id'),
      size: sizeOf(text(found, 'size')),
    };
  }

  /** An address that holds its own credential in the query. */
  async signedUrl({ name, runBackendId, jobBackendId }: StatedArtifact): Promise<URL> {
    const ids = { workflow_run_backend_id: runBackendId, workflow_job_run_backend_id: jobBackendId };
    return new URL(text(await this.#ask('GetSignedArtifactURL', { ...ids, name }), 'signed_url'));
  }

  async #ask(method: string, fields: Fields): Promise<Fields> {
    const response = await this.#http.request({
      method: 'POST',
      url: new URL(`/twirp/${SERVICE}/${method}`, this.#access.resultsUrl),
      headers: { authorization: `Bearer ${this.#access.runtimeToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(fields),
      // Both only read.
      attempts: ATTEMPTS,
    });
    return parseJson('the answer of the artifact service', await response.text(MAX_ANSWER_BYTES), fieldsOf);
  }
}

/** The ids of run and job stand in the scope of the token, `Actions.Results:<run>:<job>`; nothing is proved by them. */
function backendIds(runtimeToken: string): Fields {
  const [, payload = ''] = runtimeToken.split('.');
  const claims = parseJson('the runtime token', Buffer.from(payload, 'base64url').toString('utf8'), fieldsOf);
  const scopes = typeof claims.scp === 'string' ? claims.scp.split(' ') : [];
  const [, run, job, ...more] = scopes.find((scope) => scope.startsWith('Actions.Results:'))?.split(':') ?? [];
  if (run === undefined || job === undefined || more.length > 0)
    throw new Error('the runtime token names no run and job');
  return { workflow_run_backend_id: run, workflow_job_run_backend_id: job };
}

function text(fields: Fields, name: string): string {
  const value = fields[name] ?? fields[name.replaceAll(/_(.)/g, (_all, letter: string) => letter.toUpperCase())];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function sizeOf(value: string): number | undefined {
  return /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
}
