import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'query',
  purpose:
    'Answers from stored evidence which released digests contain a package or are affected by a CVE, and who owns them',
  inputs: {
    store: input.path({
      description: 'Directory of an evidence store (`file:` store of evidence-upload)',
      required: true,
    }),
    purl: input.string({ description: 'Package URL; without version all versions, `*` matches any text' }),
    cve: input.string({ description: 'CVE or any other id of a vulnerability' }),
    advisories: input.paths({
      description: 'OSV records (JSON) to match against the SBOMs, for a cve that no stored scan knew yet',
    }),
    at: input.string({ description: 'RFC 3339 date or time: only what was released until then (default: everything)' }),
    owners: input.path({
      description: 'File in the format of CODEOWNERS whose patterns match <owner>/<repository>/<artifact>',
    }),
  },
  outputs: {
    'result-path': output('The answer, JSON'),
    count: output('Number of digests in the answer'),
  },
  permissions: {},
  hosts: [],
  writes: ['RUNNER_TEMP/paved/query'],
  example: `uses: org/paved/query@v1
with:
  store: evidence
  cve: CVE-2021-44228
`,
});
