import type { TrustDocument } from '@paved/attestation';
import { array, integer, nullable, object, optional, string } from '@paved/json';
import type { GitHubClient } from '@paved/runner-kit/github';
import type { SigningCertificate } from '@paved/sigstore';

/** The clocks of the service and of the authority need not agree to the second. */
const SKEW_MS = 60_000;
const PER_PAGE = 100;
const MAX_PAGES = 10;

const runDocument = object({
  head_sha: string,
  path: string,
  repository: object({ id: integer, full_name: string }),
  referenced_workflows: optional(nullable(array(object({ path: string, sha: string })))),
});
const jobsDocument = object({
  jobs: array(object({ started_at: nullable(string), completed_at: optional(nullable(string)) })),
});

export interface Question {
  readonly certificate: SigningCertificate;
  readonly trust: TrustDocument;
  readonly serverUrl: string;
  readonly client: GitHubClient;
}

interface RunName {
  readonly owner: string;
  readonly repo: string;
  readonly id: number;
  readonly attempt: number;
}

/** Every fact of the certificate that no known run and no released commit explains, in words; none: it is explained. */
export async function unexplained(question: Question): Promise<readonly string[]> {
  return [...commitReasons(question), ...(await runReasons(question))];
}

function commitReasons({ certificate: { extensions }, trust }: Question): readonly string[] {
  const commit = extensions.buildSignerDigest;
  if (commit === undefined) return ['the certificate names no commit of the workflow'];
  const known = trust.commits.find((entry) => entry.commit === commit);
  if (known === undefined) return [`the commit ${commit} of the workflow was never released`];
  return known.status === 'revoked' ? [`the commit ${commit} of the workflow is revoked: ${known.reason ?? ''}`] : [];
}

async function runReasons(question: Question): Promise<readonly string[]> {
  const { certificate, serverUrl, client } = question;
  const uri = certificate.extensions.runInvocationUri ?? '';
  const name = parseRunUri(uri, serverUrl);
  if (name === undefined) return ['the certificate names no run of this server'];
  if (certificate.extensions.sourceRepositoryUri !== `${serverUrl}/${name.owner}/${name.repo}`) {
    return ['the run is not one of the source repository'];
  }
  const base = `/repos/${name.owner}/${name.repo}/actions/runs/${name.id}/attempts/${name.attempt}`;
  const found = await readApi(client, base);
  if (found === undefined) return [`the run ${uri} does not exist, or cannot be read`];
  const run = runDocument(found);
  return [...factReasons(run, certificate), ...(await timeReasons(client, base, certificate))];
}

function parseRunUri(uri: string, serverUrl: string): RunName | undefined {
  if (!uri.startsWith(`${serverUrl}/`)) return undefined;
  const match = /^([\w.-]+)\/([\w.-]+)\/actions\/runs\/([1-9]\d{0,14})\/attempts\/([1-9]\d{0,5})$/.exec(
    uri.slice(serverUrl.length + 1),
  );
  const [, owner = '', repo = '', id, attempt] = match ?? [];
  // `.` and `..` would name another address of the API.
  if (match === null || [owner, repo].some((part) => /^\.+$/.test(part))) return undefined;
  return { owner, repo, id: Number(id), attempt: Number(attempt) };
}

function factReasons(run: ReturnType<typeof runDocument>, { extensions, san }: SigningCertificate): readonly string[] {
  const reasons: string[] = [];
  if (String(run.repository.id) !== extensions.sourceRepositoryId) {
    reasons.push('the run is of another repository than the certificate names by its id');
  }
  if (run.head_sha !== extensions.sourceRepositoryDigest)
    reasons.push('the run has another commit than the certificate');
  if (!startsWorkflow(run, san, extensions.buildSignerDigest)) {
    reasons.push('the run did not use that workflow at that commit');
  }
  return reasons;
}

/** The workflow is one that the run called, at that commit, or the run's own. */
function startsWorkflow(run: ReturnType<typeof runDocument>, san: string, commit: string | undefined): boolean {
  const file = /^https:\/\/[^/]+\/([^@]+)@/.exec(san)?.[1];
  const called = (run.referenced_workflows ?? []).some(
    ({ path, sha }) => path.split('@')[0] === file && sha === commit,
  );
  const own = `${run.repository.full_name}/${run.path.split('@')[0]}` === file && run.head_sha === commit;
  return called || own;
}

async function timeReasons(
  client: GitHubClient,
  base: string,
  { notBefore }: SigningCertificate,
): Promise<readonly string[]> {
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { jobs } = jobsDocument(
      (await readApi(client, `${base}/jobs?per_page=${PER_PAGE}&page=${page}`)) ?? { jobs: [] },
    );
    if (jobs.some((job) => covers(job, notBefore.getTime()))) return [];
    if (jobs.length < PER_PAGE) break;
  }
  return ['no job of the run was under way when the certificate was issued'];
}

function covers({ started_at, completed_at }: ReturnType<typeof jobsDocument>['jobs'][number], at: number): boolean {
  if (started_at === null) return false;
  const end = completed_at === undefined || completed_at === null ? Date.now() : Date.parse(completed_at);
  return Date.parse(started_at) - SKEW_MS <= at && at <= end + SKEW_MS;
}

/** `undefined` for what is not there; everything else that goes wrong is no answer, and ends the run. */
export async function readApi(client: GitHubClient, path: string): Promise<unknown> {
  try {
    return (await client.request(`GET ${path}`)).data;
  } catch (error) {
    if ((error as { status?: unknown } | null)?.status === 404) return undefined;
    throw error;
  }
}
