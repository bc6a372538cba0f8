import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'checks',
  purpose: 'Reads commits and workflows as data, and reports what is unsigned, unpinned or open to injection',
  inputs: {
    'source-path': input.path({
      description: 'Folder with the checked-out commit; nothing in it is run',
      required: true,
    }),
    'github-token': input.secret({
      description: 'Token with contents: read; sent to the API of this server alone',
      required: true,
    }),
  },
  outputs: {
    'report-path': output('SARIF for scan-gate, written whatever was found'),
    findings: output('How many findings it has'),
  },
  permissions: { contents: 'read' },
  hosts: ["the server's API"],
  writes: ['RUNNER_TEMP/paved/checks'],
  example: `- uses: $/actions/checks
  with:
    source-path: \${{ github.workspace }}
    github-token: \${{ github.token }}`,
  internal: true,
});
