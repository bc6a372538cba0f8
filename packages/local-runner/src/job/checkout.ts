import { join, relative } from 'node:path';
import type { LogReader } from '../process/log-commands.js';
import { git } from '../workflow/git-source.js';
import type { RunFacts } from './run-facts.js';

/** The only foreign action that is known here, by commit as the house rule wants it. */
export const CHECKOUT = /^actions\/checkout@[0-9a-f]{40}$/;

/** Stands in for actions/checkout: a clone of the caller's repository at an exact commit, without credentials. @returns outputs */
export async function checkOut(
  facts: RunFacts,
  workspace: string,
  inputs: Readonly<Record<string, string>>,
  log: LogReader,
): Promise<Readonly<Record<string, string>>> {
  if (inputs['persist-credentials'] !== 'false') {
    throw new Error('Cannot check out: only persist-credentials: false is executed here');
  }
  const repository = inputs.repository || facts.run.repository;
  if (repository !== facts.run.repository)
    throw new Error(`Cannot check out "${repository}": only the caller is known`);
  const ref = inputs.ref || facts.caller.sha;
  const commit = (
    await git(['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`], facts.caller.path)
  ).trim();
  const target = join(workspace, inputs.path ?? '');
  if (relative(workspace, target).startsWith('..')) throw new Error('Cannot check out: path leaves the workspace');
  await git(['clone', '--quiet', '--no-hardlinks', '--no-checkout', '--', facts.caller.path, target]);
  await git(['checkout', '--quiet', '--detach', commit], target);
  await git(['remote', 'set-url', 'origin', `https://github.com/${repository}`], target);
  log.line(`HEAD is now at ${commit} of ${repository}`);
  return { ref, commit };
}
