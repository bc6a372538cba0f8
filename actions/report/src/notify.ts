import { issueRequest, jiraPayload, type NotificationContext, type Reported, slackPayload } from '@paved/gate/results';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';
import type { definition } from './definition.js';
import { ReportError } from './error.js';
import { keepIssues, type Place } from './keep-issues.js';
import { statusOf } from './manifests.js';
import { sendWebhook } from './send-webhook.js';
import { isNews, MAX_PAYLOADS } from './write-forms.js';

type Inputs = InputsOf<typeof definition>;

interface Notification {
  readonly verdict: Reported;
  readonly about: NotificationContext;
  readonly client: GitHubClient;
  readonly place: Place;
}

/**
 * Tells whoever asked to be told: by issues, by a Slack-compatible webhook, by a Jira-shaped one. What fails is a warning, and an error
 * once the others were told where `notify` is `required`. Returns the names of those that were told.
 * @throws {ReportError} `NOTIFICATION_FAILED`
 */
export async function notify(
  inputs: Inputs,
  { verdict, about, client, place }: Notification,
  context: ActionContext,
): Promise<readonly string[]> {
  const news = verdict.findings.filter(isNews);
  const worst = news.slice(0, MAX_PAYLOADS);
  const { 'slack-webhook': slack, 'jira-webhook': jira, 'jira-project': project, 'notify-hosts': hosts = [] } = inputs;
  if (jira !== undefined && project === undefined) {
    throw new ReportError('INPUT_INVALID', 'Cannot notify by jira: there is no jira-project', {
      hint: 'Set jira-project to the key of the project',
    });
  }
  const channels: (readonly [string, () => Promise<unknown>])[] = [
    ...(inputs.issues
      ? [
          [
            'issues',
            () =>
              keepIssues(
                client,
                place,
                worst.map((finding) => issueRequest(finding, about)),
                inputs.author,
              ),
          ] as const,
        ]
      : []),
    ...(slack === undefined || news.length === 0
      ? []
      : [
          [
            'slack',
            () => sendWebhook({ name: 'slack', url: slack, hosts }, [slackPayload(news, about)], context),
          ] as const,
        ]),
    ...(jira === undefined || project === undefined
      ? []
      : [
          [
            'jira',
            () =>
              sendWebhook(
                { name: 'jira', url: jira, hosts },
                worst.map((finding) => jiraPayload(finding, { ...about, project })),
                context,
              ),
          ] as const,
        ]),
  ];
  const told: string[] = [];
  const failures: string[] = [];
  for (const [name, send] of channels) {
    const failure = await attempt(name, send);
    if (failure === undefined) told.push(name);
    else {
      failures.push(failure);
      context.log.warning(failure);
    }
    context.events.emit({ stage: 'report', event: 'notified', channel: name, ok: failure === undefined });
  }
  if (failures.length === 0 || inputs.notify === 'warn') return told;
  throw new ReportError('NOTIFICATION_FAILED', `Cannot notify everybody: ${failures.join('; ')}`, {
    hint: 'With notify: warn this is a warning',
  });
}

/** Why it failed, in words without any address; `undefined` when it did not. A defect of ours is not swallowed. */
async function attempt(name: string, send: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await send();
    return undefined;
  } catch (error) {
    if (error instanceof ReportError) return `${error.code}: ${error.message}`;
    const status = statusOf(error);
    if (status === undefined) throw error;
    return `Cannot notify by ${name}: the service answered ${status}`;
  }
}
