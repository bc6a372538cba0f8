import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '@paved/digest';
import { type ArtifactService, receiveHandover } from '@paved/handoff/receive';
import { array, boolean, integer, nullable, object, optional, string } from '@paved/json';
import type { ActionContext } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';
import { WatchError } from './error.js';
import { readApi } from './explain.js';

/** Name under which the workflow hands its state over, and the file in it. */
export const STATE_ARTIFACT = 'watch-state';
export const STATE_FILE = 'watch-state.json';
const MAX_STATE_BYTES = 1024 * 1024;
const EVENTS = ['schedule', 'workflow_dispatch'];

const currentRun = object({ workflow_id: integer });
const runs = object({
  workflow_runs: array(
    object({
      id: integer,
      event: string,
      head_branch: optional(nullable(string)),
      head_repository: optional(nullable(object({ id: integer }))),
    }),
  ),
});
const artifacts = object({
  artifacts: array(object({ id: integer, name: string, expired: boolean, digest: optional(nullable(string)) })),
});

/**
 * State of the newest run of this workflow on this branch that has one. A signed checkpoint is good wherever it lay, but who could put
 * a newer one in its place would hide entries: so it is taken from runs of this workflow file on this branch alone.
 */
export async function previousState(
  client: GitHubClient,
  token: string,
  context: ActionContext,
): Promise<string | undefined> {
  const { repository, repositoryId, runId, refName } = context.runner;
  const base = `/repos/${repository}/actions`;
  const { workflow_id: workflow } = currentRun(await readApi(client, `${base}/runs/${runId}`));
  const query = `branch=${encodeURIComponent(refName)}&status=completed&per_page=50`;
  const listed = runs(await readApi(client, `${base}/workflows/${workflow}/runs?${query}`));
  for (const run of listed.workflow_runs) {
    const isOurs = run.head_branch === refName && String(run.head_repository?.id) === repositoryId;
    if (!isOurs || !EVENTS.includes(run.event)) continue;
    const path = `${base}/runs/${run.id}/artifacts?name=${STATE_ARTIFACT}&per_page=100`;
    const found = artifacts(await readApi(client, path)).artifacts.filter(
      ({ name, expired }) => name.replace(/\.tar$/, '') === STATE_ARTIFACT && !expired,
    );
    const newest = found.toSorted((a, b) => b.id - a.id)[0];
    if (newest !== undefined) return await receive(newest.id, newest.digest, token, context);
  }
  return undefined;
}

async function receive(
  id: number,
  digest: string | null | undefined,
  token: string,
  context: ActionContext,
): Promise<string> {
  if (digest === undefined || digest === null) {
    throw new WatchError(
      'STATE_MALFORMED',
      `Cannot receive the state in artifact ${id}: the service states no digest`,
      { hint: 'Start it by hand with start set to an index or newest' },
    );
  }
  const folder = await context.workDir();
  const received = await receiveHandover(
    {
      artifactId: id,
      digest: parseDigest(digest),
      targetFolder: join(folder, 'state'),
      workspace: context.runner.workspace,
      caps: { maxBytes: MAX_STATE_BYTES },
    },
    overApi(token, context),
  );
  return await readFile(join(received.folder, STATE_FILE), 'utf8');
}

/** Artifacts of other runs are read through the REST API; the token stays with it, and the storage's address is signed. */
function overApi(token: string, { http, runner }: ActionContext): ArtifactService {
  const refuse = async () => {
    throw new WatchError('STATE_MALFORMED', 'Cannot do that with artifacts of other runs');
  };
  return {
    upload: refuse,
    list: refuse,
    async download(id, folder) {
      const response = await http.request({
        method: 'GET',
        url: `${runner.apiUrl}/repos/${runner.repository}/actions/artifacts/${id}/zip`,
        headers: { authorization: `Bearer ${token}` },
        redirect: 'follow',
      });
      await mkdir(folder, { recursive: true });
      const path = join(folder, 'artifact');
      await writeFile(path, await response.bytes(MAX_STATE_BYTES), { flag: 'wx' });
      return path;
    },
  };
}
