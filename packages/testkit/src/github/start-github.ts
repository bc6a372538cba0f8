import { createServer } from 'node:http';
import { listenOnLoopback } from '../issuer/listen.js';
import type { Issuer } from '../issuer/start-issuer.js';
import { type Answer, jsonAnswer } from './answer.js';
import { handleArtifactCall, isArtifactCall } from './artifact-service.js';
import { ArtifactStore } from './artifact-store.js';
import { type AttestationStore, handleAttestationCall, isAttestationCall } from './attestations.js';
import { handleBlobCall, isBlobCall } from './blob-storage.js';
import { ControlPlane, credentialsOf, hasPermission } from './control-plane.js';
import { Exchange } from './exchange.js';
import type {
  Conclusion,
  GitHubJobOptions,
  GitHubRepository,
  GitHubRequest,
  GitHubRun,
  GitHubRunOptions,
  GitHubStep,
  JobCredentials,
} from './model.js';
import { handleRestCall, isRestCall } from './rest-api.js';
import { handleResultsCall, isResultsCall, ResultsStore } from './results-api.js';

/** GitHub on loopback: REST API (`url` is GITHUB_API_URL), OIDC token endpoint, artifact service with blob storage. */
export interface GitHubService {
  readonly url: string;
  readonly issuerUrl: string;
  readonly artifacts: ArtifactStore;
  readonly attestations: AttestationStore;
  /** Comments, issues, SARIF and snapshots that jobs wrote. */
  readonly results: ResultsStore;
  /** Every request so far, oldest first. */
  readonly requests: readonly GitHubRequest[];
  addRepository(repository: GitHubRepository): void;
  createRun(options: GitHubRunOptions): GitHubRun;
  /** The next attempt of a run; jobs with the names of `kept` do not run again, and are listed as they were. */
  rerun(runId: number, kept: readonly string[]): GitHubRun;
  startJob(options: GitHubJobOptions): JobCredentials;
  addStep(jobId: number, step: GitHubStep): void;
  /** From here on the job's tokens are refused. */
  finishJob(jobId: number, conclusion: Conclusion): void;
  close(): Promise<void>;
}

/** Starts the service; OIDC tokens are made by `issuer`, which stays open when the service closes. */
export async function startGitHub(options: { readonly issuer: Pick<Issuer, 'url' | 'sign'> }): Promise<GitHubService> {
  const plane = new ControlPlane();
  const artifacts = new ArtifactStore();
  const results = new ResultsStore();
  const attestations: AttestationStore = { attestations: [], storageRecords: [] };
  const requests: GitHubRequest[] = [];
  let origin = '';

  async function route(exchange: Exchange): Promise<Answer> {
    if (isArtifactCall(exchange)) return handleArtifactCall(exchange, plane, artifacts, origin);
    if (isBlobCall(exchange)) return handleBlobCall(exchange, artifacts);
    if (isResultsCall(exchange)) return handleResultsCall(exchange, plane, results);
    if (isAttestationCall(exchange)) return handleAttestationCall(exchange, plane, attestations);
    if (isRestCall(exchange)) return handleRestCall(exchange, plane, origin);
    if (exchange.url.pathname === '/_oidc/token') return idToken(exchange, plane, options.issuer);
    return jsonAnswer(404, { message: 'Not Found' });
  }

  const server = createServer((request, response) => {
    const exchange = new Exchange(request);
    response.once('finish', () => {
      const { method, job } = exchange;
      const entry = { method, path: exchange.url.pathname, status: response.statusCode };
      requests.push(job === undefined ? entry : { ...entry, job });
    });
    route(exchange)
      .catch((error: unknown) => jsonAnswer(500, { message: error instanceof Error ? error.message : 'failed' }))
      .then(({ status, headers, bytes }) => {
        response.writeHead(status, { ...headers, 'content-length': bytes.length });
        response.end(bytes);
      });
  });
  const listening = await listenOnLoopback(server);
  origin = listening.url;

  return {
    url: origin,
    issuerUrl: options.issuer.url,
    artifacts,
    attestations,
    results,
    requests,
    addRepository: (repository) => plane.addRepository(repository),
    createRun: (run) => plane.createRun(run),
    rerun: (runId, kept) => plane.rerun(runId, kept),
    startJob: (job) => credentialsOf(plane.startJob(job), origin),
    addStep: (jobId, step) => void plane.job(jobId).steps.push(step),
    finishJob: (jobId, conclusion) => plane.finishJob(jobId, conclusion),
    close: () => listening.close(),
  };
}

/** The endpoint is scoped to one job: its own request token, and only while it runs with `id-token: write`. */
async function idToken(exchange: Exchange, plane: ControlPlane, issuer: Pick<Issuer, 'sign'>): Promise<Answer> {
  const job = plane.jobByToken('runtimeToken', exchange.bearer);
  if (job === undefined || exchange.query('job') !== String(job.id)) {
    return jsonAnswer(401, { message: 'the request token is not valid for this job' });
  }
  exchange.job = job.options.name;
  if (!hasPermission(job, 'id-token', 'write')) return jsonAnswer(403, { message: 'id-token: write is missing' });
  const audience = exchange.query('audience') ?? `https://github.com/${job.run.repository.split('/')[0]}`;
  const value = await issuer.sign({ ...job.options.claims, check_run_id: String(job.id) }, { audience });
  return jsonAnswer(200, { value });
}
