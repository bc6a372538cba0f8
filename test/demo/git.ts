import { execFileSync } from 'node:child_process';

/** A commit must not depend on the machine: fixed author and time, no signing, no hooks, no configuration of the user. */
const ENVIRONMENT = {
  GIT_AUTHOR_NAME: 'paved',
  GIT_AUTHOR_EMAIL: 'paved@example.test',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'paved',
  GIT_COMMITTER_EMAIL: 'paved@example.test',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

/** Makes `folder` a repository with one commit of everything in it on `main`, and returns the commit. */
export function commitAll(folder: string, message: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'core.hooksPath=/dev/null', '-C', folder, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...ENVIRONMENT },
    }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all', '--force');
  git('commit', '--quiet', '--no-gpg-sign', `--message=${message}`);
  return git('rev-parse', 'HEAD');
}
