import { execFileSync } from 'node:child_process';

// act gives the caller's repository and commit; where the repository lies is told by the suite.
const {
  INPUT_REF: ref,
  INPUT_REPOSITORY: repository,
  GITHUB_WORKSPACE: workspace,
  PAVED_ACT_CALLER: caller,
} = process.env;
if (process.env['INPUT_PERSIST-CREDENTIALS'] !== 'false') throw new Error('credentials would be left in the workspace');
if (repository !== process.env.GITHUB_REPOSITORY || !/^[0-9a-f]{40}$/.test(ref))
  throw new Error(`not the commit of the run: ${ref}`);
const git = (...args) => execFileSync('git', args, { cwd: workspace, stdio: 'inherit' });
git('init', '--quiet');
git('fetch', '--quiet', '--depth=1', caller, ref);
git('checkout', '--quiet', '--force', '--detach', 'FETCH_HEAD');
git('remote', 'add', 'origin', `https://github.com/${repository}`);
