import type { JobPermissions, PermissionLevel } from '@paved/testkit';
import { LocalRunnerError } from '../error.js';

/** Scopes of a job token (workflow syntax, `permissions`). */
const SCOPES = [
  'actions',
  'artifact-metadata',
  'attestations',
  'checks',
  'contents',
  'deployments',
  'discussions',
  'id-token',
  'issues',
  'models',
  'packages',
  'pages',
  'pull-requests',
  'security-events',
  'statuses',
] as const;

const LEVELS: readonly PermissionLevel[] = ['none', 'read', 'write'];

/** What a job gets when neither it nor its workflow says anything: the restricted default of new repositories. */
export const DEFAULT_PERMISSIONS: JobPermissions = { contents: 'read', packages: 'read' };

/** `read-all` and `write-all`; an identity token has no `read`. */
export function shorthandPermissions(text: string): JobPermissions {
  const level: PermissionLevel = text === 'write-all' ? 'write' : 'read';
  return Object.fromEntries(SCOPES.filter((scope) => level === 'write' || scope !== 'id-token').map((s) => [s, level]));
}

/**
 * A called job may ask for at most what the calling job was granted, else nothing of the run starts.
 * @throws {LocalRunnerError} `PERMISSIONS_EXCEEDED` that names the job and every excess
 */
export function assertWithin(jobId: string, requested: JobPermissions, granted: JobPermissions): void {
  const excess = Object.entries(requested).filter(
    ([scope, level]) => LEVELS.indexOf(level) > LEVELS.indexOf(granted[scope] ?? 'none'),
  );
  if (excess.length === 0) return;
  const list = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map((pair) => pair.join(': ')).join(', ');
  const allowed = excess.map(([scope]) => [scope, granted[scope] ?? 'none'] as const);
  throw new LocalRunnerError(
    'PERMISSIONS_EXCEEDED',
    `Cannot start nested job "${jobId}": it requests "${list(excess)}", but is only allowed "${list(allowed)}"`,
    { hint: 'Grant the permissions in the job that calls the workflow' },
  );
}
