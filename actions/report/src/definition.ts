import { defineAction, input, JOB_TOKEN_AUTHOR, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'report',
  purpose: 'Shows the verdict of the gate where people look: SARIF, one sticky comment, annotations',
  inputs: {
    mode: input.choice(['report', 'notify', 'submit'], {
      description:
        'report: SARIF, comment, annotations. notify: issues and webhooks. submit: the dependency snapshot of sbom to GitHub',
      default: 'report',
    }),
    'verdict-path': input.path({
      description: 'report, notify: verdict.json of scan-gate, or the folder that has it',
    }),
    'snapshot-path': input.path({ description: 'submit: snapshot-path of sbom, of this commit' }),
    'github-token': input.secret({ description: 'Token of the job', required: true }),
    author: input.string({
      description:
        'Login that the token writes under, for an App its name and [bot]; comments and issues of anybody else are neither believed nor touched',
      default: JOB_TOKEN_AUTHOR,
    }),
    category: input.string({ description: 'Category of the SARIF and key of the comment', default: 'gate' }),
    manifests: input.list({
      description: 'Files of the repository on whose lines findings are shown, one per line; read through the API',
      default: ['package.json', 'package-lock.json', 'go.mod', 'Dockerfile'],
    }),
    sarif: input.boolean({ description: 'Upload SARIF to code scanning', default: true }),
    comment: input.boolean({ description: 'Keep one comment on the pull request', default: true }),
    'jira-project': input.string({ description: 'Key of a project; writes payloads for a Jira-shaped webhook' }),
    issues: input.boolean({
      description: 'notify: keep one open issue per finding that blocks or warns',
      default: false,
    }),
    'slack-webhook': input.secret({ description: 'notify: address of a Slack-compatible webhook' }),
    'jira-webhook': input.secret({ description: 'notify: address of a Jira-shaped webhook; with jira-project' }),
    'notify-hosts': input.list({
      description: 'notify: hosts that webhooks may have, one per line; fixed where the workflow is rendered',
    }),
    notify: input.choice(['warn', 'required'], {
      description: 'notify: whether somebody who cannot be told is a warning or an error',
      default: 'warn',
    }),
    'cosign-vuln': input.boolean({
      description: 'Write the vulnerability predicate of cosign as well, one per scanner',
      default: false,
    }),
    'details-url': input.url({ description: 'Where the whole report is (default: this run)' }),
  },
  outputs: {
    'sarif-path': output('The SARIF document'),
    'comment-path': output('Text of the comment'),
    'backlog-path': output('What the policy lets pass for later'),
    'predicates-path': output('In-toto vulns v0.2 predicates, one per scanner, in a JSON list'),
    'slack-path': output('Payload for a Slack-compatible webhook, when there is something to say; not sent'),
    'issues-path': output('One issue per finding that blocks or warns, with its key; not sent'),
    'jira-path': output('Payloads for a Jira-shaped webhook, with jira-project; not sent'),
    'cosign-path': output('Vulnerability predicates of cosign, with cosign-vuln'),
    notified: output('notify: who was told: `issues`, `slack`, `jira`, separated by a comma'),
    'snapshot-id': output('submit: id of the snapshot'),
    posted: output('What was written: `sarif`, `comment`, separated by a comma'),
  },
  permissions: { contents: 'read', 'pull-requests': 'write', 'security-events': 'write' },
  hosts: ["the server's API", 'notify: the hosts of notify-hosts'],
  writes: ['RUNNER_TEMP/paved/report'],
  example: `- uses: $/actions/report
  with:
    verdict-path: \${{ steps.verdict.outputs.path }}
    github-token: \${{ github.token }}`,
  internal: true,
});
