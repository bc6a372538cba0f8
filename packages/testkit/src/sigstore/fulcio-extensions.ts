import type { JWTPayload } from 'jose';

/** The server that upstream's Fulcio configuration puts before GitHub's paths; an enterprise's own instance puts its own. */
export const GITHUB_URL = 'https://github.com';

const ARC = '1.3.6.1.4.1.57264.1';

export interface ExtensionValue {
  readonly oid: string;
  readonly value: string;
  readonly legacy?: boolean;
}

/** The extensions that Fulcio's claim templates for GitHub give (fulcio, config/identity/config.yaml and docs/oid-info.md). */
export function certificateExtensions(claims: JWTPayload, serverUrl = GITHUB_URL): ExtensionValue[] {
  const claim = (name: string): string => String(claims[name] ?? '');
  const url = (path: string): string => `${serverUrl}/${path}`;
  const legacy: readonly (readonly [number, string])[] = [
    [1, claim('iss')],
    [2, claim('event_name')],
    [3, claim('sha')],
    [4, claim('workflow')],
    [5, claim('repository')],
    [6, claim('ref')],
  ];
  const current: readonly (readonly [number, string])[] = [
    [8, claim('iss')],
    [9, url(claim('job_workflow_ref'))],
    [10, claim('job_workflow_sha')],
    [11, claim('runner_environment')],
    [12, url(claim('repository'))],
    [13, claim('sha')],
    [14, claim('ref')],
    [15, claim('repository_id')],
    [16, url(claim('repository_owner'))],
    [17, claim('repository_owner_id')],
    [18, url(claim('workflow_ref'))],
    [19, claim('workflow_sha')],
    [20, claim('event_name')],
    [21, url(`${claim('repository')}/actions/runs/${claim('run_id')}/attempts/${claim('run_attempt')}`)],
    [22, claim('repository_visibility')],
    [23, claim('environment')],
    [24, claim('sub')],
  ];
  return [
    ...legacy.map(([number, value]) => ({ oid: `${ARC}.${number}`, value, legacy: true })),
    ...current.map(([number, value]) => ({ oid: `${ARC}.${number}`, value })),
  ].filter(({ value }) => value !== '');
}
