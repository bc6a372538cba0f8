import { type LoggedRequest, startLoopback } from '../registry/loopback.js';

/** Settings of a repository by the path of the REST API (without query): a document, or the status of a refusal. */
export type Settings = Map<string, unknown>;

export interface SettingsDouble {
  readonly url: string;
  /** Tests change it between requests; a path that is not there answers 404. */
  readonly settings: Settings;
  readonly requests: readonly LoggedRequest[];
  close(): Promise<void>;
}

/** The read side of a repository's settings on loopback, for one token. */
export async function startSettings(options: {
  readonly token: string;
  readonly settings: Iterable<readonly [string, unknown]>;
}): Promise<SettingsDouble> {
  const settings: Settings = new Map(options.settings);
  const json = (status: number, value: unknown) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });
  const service = await startLoopback({
    handle: async (request, url) => {
      if (request.headers.authorization !== `Bearer ${options.token}`) return json(401, { message: 'Bad credentials' });
      const setting = settings.get(url.pathname);
      if (request.method !== 'GET' || setting === undefined) return json(404, { message: 'Not Found' });
      return typeof setting === 'number' ? json(setting, { message: 'Forbidden' }) : json(200, setting);
    },
  });
  return { url: service.url, settings, requests: service.requests, close: () => service.close() };
}

/** Settings of `repository` as paved wants them, with container package `packageName`. */
export function goodSettings(repository: string, packageName: string): Settings {
  const path = `/repos/${repository}`;
  const rules = ['pull_request', 'non_fast_forward', 'deletion', 'required_signatures', 'required_status_checks'];
  const [owner = ''] = repository.split('/');
  return new Map<string, unknown>([
    [path, { id: 7, full_name: repository, default_branch: 'main' }],
    [`${path}/rules/branches/main`, rules.map((type) => ({ type, ruleset_id: 1 }))],
    [`${path}/rulesets`, [{ id: 2, name: 'tags', target: 'tag', enforcement: 'active' }]],
    [
      `${path}/rulesets/2`,
      {
        id: 2,
        conditions: { ref_name: { include: ['refs/tags/v*.*.*'], exclude: [] } },
        rules: [{ type: 'update' }, { type: 'deletion' }],
      },
    ],
    [
      `${path}/environments/release`,
      {
        protection_rules: [{ type: 'required_reviewers' }],
        deployment_branch_policy: { protected_branches: true, custom_branch_policies: false },
      },
    ],
    [
      `${path}/actions/permissions/workflow`,
      { default_workflow_permissions: 'read', can_approve_pull_request_reviews: false },
    ],
    [`${path}/actions/permissions`, { enabled: true, allowed_actions: 'selected', sha_pinning_required: true }],
    [`/orgs/${owner}/packages/container/${packageName}`, { name: packageName, repository: { full_name: repository } }],
    [`${path}/commits`, [{ sha: 'a'.repeat(40), commit: { verification: { verified: true, reason: 'valid' } } }]],
  ]);
}
