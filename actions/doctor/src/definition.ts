import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'doctor',
  purpose: 'Checks what a repository must be set to before its releases can be trusted, and says the cure',
  inputs: {
    repository: input.string({ description: 'Repository to look at: owner/name', required: true }),
    'api-url': input.url({
      description: 'API of the GitHub server; the only host that gets the token',
      default: 'https://api.github.com',
    }),
    'github-token': input.secret({
      description: 'Token with read access to administration, actions, contents and packages',
      required: true,
    }),
    environment: input.string({ description: 'Environment that releases wait in', default: 'release' }),
    packages: input.list({ description: 'Container packages that releases are pushed to, one name per line' }),
    'commit-count': input.integer({
      description: 'How many of the newest commits must be signed',
      default: 30,
      min: 1,
      max: 100,
    }),
  },
  outputs: {
    result: output('pass or fail'),
    'report-path': output('Report with one entry for each check'),
  },
  permissions: { contents: 'read' },
  hosts: ['the API that api-url names'],
  writes: ['RUNNER_TEMP/paved/doctor'],
  example: `- uses: org/paved/doctor@v1
  with:
    repository: \${{ github.repository }}
    github-token: \${{ secrets.DOCTOR_TOKEN }}`,
});
