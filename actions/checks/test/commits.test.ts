import { afterEach, describe, expect, test } from '@jest/globals';
import { BASE, COMPARE, commit, comparison, HEAD, pullRequest, type Scene, TOKEN } from './scene.js';

let scene: Scene;
afterEach(async () => await scene.close());

test('signed commits are no finding, and an unsigned one is, with the reason', async () => {
  scene = await pullRequest();
  expect(await scene.check()).toEqual([]);
  scene.github.settings.set(
    COMPARE,
    comparison(commit('d'), commit('e', false, 'unsigned'), commit('f', false, 'no_user')),
  );
  const found = await scene.check();
  expect(found.map(({ ruleId, level, message }) => [ruleId, level, message.text])).toEqual([
    ['unsigned-commit', 'error', `Commit ${'e'.repeat(40)} is not verified: unsigned`],
    ['unsigned-commit', 'error', `Commit ${'f'.repeat(40)} is not verified: no_user`],
  ]);
});

describe('a list that is not whole is no clean list', () => {
  test.each<readonly [string, unknown]>([
    ['ends early, or repeats a page', { total_commits: 3, commits: [commit('d')] }],
    ['is empty', { total_commits: 1, commits: [] }],
    ['is longer than it says', { total_commits: 0, commits: [commit('d')] }],
    ['is too long', { total_commits: 2001, commits: [commit('d')] }],
  ])('%s', async (_what, answer) => {
    scene = await pullRequest();
    scene.github.settings.set(COMPARE, answer);
    await expect(scene.check()).rejects.toMatchObject({ code: 'COMMITS_INCOMPLETE' });
  });

  test.each([403, 404, 422])('and the answer %i is an error without the token', async (status) => {
    scene = await pullRequest();
    scene.github.settings.set(COMPARE, status);
    const error = await scene.check().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toContain(TOKEN);
  });
});

describe('the range is that of the event', () => {
  test.each<readonly [string, unknown]>([
    ['push', { before: BASE, after: HEAD }],
    ['merge_group', { merge_group: { base_sha: BASE, head_sha: HEAD } }],
  ])('%s', async (name, event) => {
    scene = await pullRequest(name, event);
    expect(await scene.check()).toEqual([]);
    expect(scene.github.requests).toHaveLength(1);
  });

  test('a new branch is compared with the default branch', async () => {
    scene = await pullRequest('push', { before: '0'.repeat(40), after: HEAD });
    scene.github.settings.set('/repos/octo/app', { default_branch: 'main' });
    scene.github.settings.set(`/repos/octo/app/compare/main...${HEAD}`, comparison(commit('c', false, 'unsigned')));
    expect(await scene.check()).toHaveLength(1);
  });

  test.each<readonly [string, unknown, string]>([
    ['pull_request_target', { pull_request: { base: { sha: BASE }, head: { sha: HEAD } } }, 'EVENT_UNSUPPORTED'],
    ['schedule', {}, 'EVENT_UNSUPPORTED'],
    ['push', { before: BASE }, 'EVENT_UNREADABLE'],
    ['push', { before: BASE, after: '../../user' }, 'EVENT_UNREADABLE'],
    ['push', { before: BASE, after: '0'.repeat(39) }, 'EVENT_UNREADABLE'],
  ])('%s %j is refused', async (name, event, code) => {
    scene = await pullRequest(name, event);
    await expect(scene.check()).rejects.toMatchObject({ code });
    expect(scene.github.requests).toEqual([]);
  });
});
