import { readFile, stat } from 'node:fs/promises';
import { parseJson, record, unknown } from '@paved/json';
import type { GitHubClient } from '@paved/runner-kit/github';
import { ReportError } from './error.js';
import { statusOf } from './manifests.js';

const MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024;

/**
 * Submits the dependency snapshot that `sbom` wrote, for this commit and no other: the token of the job would let it speak for any.
 * @throws {ReportError} `SNAPSHOT_INVALID`, `REPORT_REFUSED`
 */
export async function submitSnapshot(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string; readonly sha: string; readonly ref: string },
  path: string,
): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile() || info.size > MAX_SNAPSHOT_BYTES) {
    throw invalid(info === undefined ? 'it does not exist' : `it is no file of at most ${MAX_SNAPSHOT_BYTES} bytes`);
  }
  const { owner, repo, sha, ref } = place;
  const snapshot = parseJson('the dependency snapshot', await readFile(path, 'utf8'), record(unknown));
  if (snapshot.sha !== sha || snapshot.ref !== ref) throw invalid('it is of another commit or ref than this run');
  try {
    const route = 'POST /repos/{owner}/{repo}/dependency-graph/snapshots';
    // Named one by one: a document must not add options to the request.
    const { version, job, detector, scanned, manifests } = snapshot;
    const body = { owner, repo, version, sha, ref, job, detector, scanned, manifests };
    const { data } = await client.request(route, body as never);
    return String((data as { readonly id?: unknown }).id ?? '');
  } catch (cause) {
    const status = statusOf(cause);
    if (status === undefined) throw cause;
    throw new ReportError('REPORT_REFUSED', `Cannot submit the dependency snapshot: the service answered ${status}`, {
      cause,
      hint: 'The job needs contents: write, and the repository its dependency graph',
    });
  }
}

function invalid(state: string): ReportError {
  return new ReportError('SNAPSHOT_INVALID', `Cannot submit the dependency snapshot: ${state}`, {
    hint: 'Give snapshot-path of the sbom action in the same run',
  });
}
