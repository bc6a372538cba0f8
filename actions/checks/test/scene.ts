import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type SettingsDouble, startSettings } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

export const TOKEN = 'ghs_canary0123456789';
export const [BASE, HEAD] = ['b'.repeat(40), 'c'.repeat(40)];
export const COMPARE = `/repos/octo/app/compare/${BASE}...${HEAD}`;

export const commit = (digit: string, verified = true, reason = 'valid') => ({
  sha: digit.repeat(40),
  commit: { verification: { verified, reason } },
});

export const comparison = (...commits: readonly ReturnType<typeof commit>[]) => ({
  total_commits: commits.length,
  commits,
});

export interface Result {
  readonly ruleId: string;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations?: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string };
        readonly region: { readonly startLine: number };
      };
    },
  ];
}

/** A pull request whose one commit is signed, in a checkout without workflows. */
export interface Scene {
  readonly github: SettingsDouble;
  readonly test: TestContext;
  readonly source: string;
  add(path: string, text: string | Uint8Array): Promise<void>;
  check(): Promise<readonly Result[]>;
  close(): Promise<void>;
}

export async function pullRequest(
  eventName = 'pull_request',
  event: unknown = { pull_request: { base: { sha: BASE }, head: { sha: HEAD } } },
): Promise<Scene> {
  const github = await startSettings({ token: TOKEN, settings: [[COMPARE, comparison(commit('c'))]] });
  // The event lies where no action writes; its folder is known only after the context is.
  const holder = await testContext();
  const eventPath = join(holder.temp, 'event.json');
  await writeFile(eventPath, JSON.stringify(event));
  const test = await testContext({ action: 'checks', facts: { eventName, eventPath, apiUrl: github.url } });
  const source = join(test.workspace, 'source');
  await mkdir(source);
  return {
    github,
    test,
    source,
    async add(path, text) {
      await mkdir(dirname(join(source, path)), { recursive: true });
      await writeFile(join(source, path), text);
    },
    async check() {
      const inputs = await test.inputs(definition, { 'source-path': source, 'github-token': TOKEN });
      const outputs = await run(inputs, test.context);
      const sarif = JSON.parse(await readFile(outputs['report-path'] ?? '', 'utf8')) as {
        runs: [{ results: Result[] }];
      };
      return sarif.runs[0].results;
    },
    async close() {
      await Promise.all([github.close(), test.dispose(), holder.dispose()]);
    },
  };
}
