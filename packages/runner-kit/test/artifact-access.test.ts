import { describe, expect, test } from '@jest/globals';
import { coreCommands } from '../src/commands.js';
import { createContext } from '../src/context.js';

const GIVEN = {
  GITHUB_SERVER_URL: 'https://github.com',
  ACTIONS_RESULTS_URL: 'https://results.example/',
  ACTIONS_RUNTIME_TOKEN: 'header.payload.signature',
};

function contextOf(environment: Readonly<Record<string, string | undefined>>) {
  const masked: string[] = [];
  const commands = { ...coreCommands, mask: (value: string) => void masked.push(value) };
  return { context: createContext('test-action', environment, commands), masked };
}

describe('the artifact service of the run', () => {
  test('is told with its token, which is masked', () => {
    const { context, masked } = contextOf(GIVEN);
    expect(context.artifactAccess()).toEqual({
      resultsUrl: 'https://results.example/',
      runtimeToken: 'header.payload.signature',
      serverUrl: 'https://github.com',
    });
    expect(masked).toContain('header.payload.signature');
  });

  test.each(['ACTIONS_RESULTS_URL', 'ACTIONS_RUNTIME_TOKEN'])('is not without %s, and nothing is told', (name) => {
    for (const value of [undefined, '']) {
      const { context } = contextOf({ ...GIVEN, [name]: value });
      expect(() => context.artifactAccess()).toThrow(expect.objectContaining({ code: 'ARTIFACTS_UNAVAILABLE' }));
    }
  });
});
