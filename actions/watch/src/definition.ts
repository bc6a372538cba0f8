import { defineAction, input, JOB_TOKEN_AUTHOR, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'watch',
  purpose:
    'Follows the transparency logs of the trusted root, and opens an issue for every entry under our names that no known run explains',
  inputs: {
    'trusted-root': input.document({
      description: 'Trusted root, as JSON or path: its logs are followed, its authorities are believed',
      required: true,
    }),
    trust: input.document({ description: 'trust.json, as JSON or path; without it, it is read from trust-repository' }),
    'trust-repository': input.string({
      description: 'Repository (owner/name) whose default branch holds trust.json',
    }),
    'github-token': input.secret({
      description: 'Token with actions: read, contents: read and issues: write',
      required: true,
    }),
    author: input.string({
      description:
        'Login that the token writes under, for an App its name and [bot]; issues of anybody else are neither believed nor touched',
      default: JOB_TOKEN_AUTHOR,
    }),
    start: input.string({
      description:
        '`continue` where the last run of this workflow ended (its first run starts at the end of each log), `newest`, or an index to look back from',
      default: 'continue',
    }),
    'state-path': input.path({ description: 'State of an earlier run, instead of the artifact of the last one' }),
    'max-entries': input.integer({
      description: 'Limit of the entries that are read in one run, over all logs; the next run goes on',
      default: 1_000_000,
      min: 1,
      max: 100_000_000,
    }),
    'time-budget': input.duration({ description: 'No more entries are asked for after this time', default: '20m' }),
  },
  outputs: {
    'state-path': output('Where the next run goes on, JSON; written when every issue was'),
    'findings-path': output('Entries under our names and what explains them, JSON'),
    unexplained: output('How many of them nothing explains'),
    behind: output('How many entries of all logs are left for the next run'),
  },
  permissions: { actions: 'read', contents: 'read', issues: 'write' },
  hosts: ['the logs of the trusted root', "the server's API, and the storage that it redirects artifacts to"],
  writes: ['RUNNER_TEMP/paved/watch'],
  example: `- uses: $/actions/watch
  with:
    trusted-root: trust/public-good.json
    trust-repository: org/paved
    github-token: \${{ github.token }}`,
  internal: true,
});
