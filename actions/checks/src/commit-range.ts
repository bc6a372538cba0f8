import { readFile } from 'node:fs/promises';
import { JsonError, object, optional, parseJson, string } from '@paved/json';
import type { ActionContext } from '@paved/runner-kit';
import { ChecksError } from './error.js';

/** Commits that a change brings: those of `head` that `base` does not have. */
export interface CommitRange {
  /** `undefined` for a branch that is new; then the default branch is the base. */
  readonly base: string | undefined;
  readonly head: string;
}

const SHA = /^[0-9a-f]{40}$/;
const NOTHING = '0'.repeat(40);
const commit = object({ sha: string });
const EVENTS = {
  pull_request: object({ pull_request: object({ base: commit, head: commit }) }),
  merge_group: object({ merge_group: object({ base_sha: string, head_sha: string }) }),
  push: object({ before: string, after: string, deleted: optional((value) => value === true) }),
};

/**
 * The range of the event. `pull_request_target` is refused: there the run's commit is the base, and the change would go unseen.
 * @throws {ChecksError} `EVENT_UNSUPPORTED`, `EVENT_UNREADABLE`
 */
export async function commitRange({ runner }: ActionContext): Promise<CommitRange> {
  const { eventName } = runner;
  try {
    const text = await readFile(runner.eventPath, 'utf8');
    const { base, head } = rangeOf(eventName, text);
    if (SHA.test(head) && SHA.test(base)) return { base: base === NOTHING ? undefined : base, head };
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw unreadable(eventName, cause);
  }
  throw unreadable(eventName);
}

function rangeOf(eventName: string, text: string): { readonly base: string; readonly head: string } {
  switch (eventName) {
    case 'pull_request': {
      const { base, head } = parseJson('the event', text, EVENTS.pull_request).pull_request;
      return { base: base.sha, head: head.sha };
    }
    case 'merge_group': {
      const { base_sha: base, head_sha: head } = parseJson('the event', text, EVENTS.merge_group).merge_group;
      return { base, head };
    }
    case 'push': {
      const { before, after } = parseJson('the event', text, EVENTS.push);
      return { base: before, head: after };
    }
    default:
      throw new ChecksError('EVENT_UNSUPPORTED', `Cannot check the commits of event "${eventName}"`, {
        hint: 'Run it on pull_request, merge_group or push',
      });
  }
}

function unreadable(eventName: string, cause?: unknown): ChecksError {
  return new ChecksError('EVENT_UNREADABLE', `Cannot tell the commits of event "${eventName}": it names no range`, {
    cause,
    hint: 'Run it on the event of GitHub itself; an event that was written by hand needs the commits of both ends',
  });
}
