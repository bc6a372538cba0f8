import { digestHex, sha256 } from '@paved/digest';
import type { ReportedFinding } from './reported.js';
import { oneLine, placeOf, plainReason } from './words.js';

/** What a notification is about besides the finding; all written by us or by the owner's file. */
export interface NotificationContext {
  readonly subject: string;
  /** `@team`, or a group of the catalogue. */
  readonly owners: readonly string[];
  /** https, written by us. */
  readonly detailsUrl: string;
  /** Makes hostile text show as itself in Markdown. */
  readonly escapeText: (text: string) => string;
}

/** The same for the same problem in the same subject, whatever the version, so that a second run updates and opens nothing. */
export function deduplicationKey({ identity }: ReportedFinding, subject: string): string {
  return `paved-${digestHex(sha256(`${subject}\0${identity}`)).slice(0, 32)}`;
}

export interface IssueRequest {
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
}

/** One issue per finding. The key stands in the body as a marker; owners are mentioned, because that is the point of it. */
export function issueRequest(finding: ReportedFinding, context: NotificationContext): IssueRequest {
  const { escapeText, owners, detailsUrl, subject } = context;
  const key = deduplicationKey(finding, subject);
  const facts: readonly (readonly [string, string])[] = [
    ['Subject', subject],
    ['Package', placeOf(finding)],
    ['Severity', finding.severity],
    ['Fixed in', finding.fixedIn.length === 0 ? 'no fix yet' : finding.fixedIn.slice(0, 5).join(', ')],
    ['Aliases', finding.aliases.slice(0, 10).join(', ')],
    ['Why', plainReason(finding)],
    ...(finding.dueAt === undefined ? [] : [['Due', finding.dueAt] as const]),
  ];
  const rows = facts.map(([name, value]) => `| ${name} | ${escapeText(oneLine(value, 300))} |`);
  const mention = owners.filter((owner) => /^@[A-Za-z0-9][A-Za-z0-9-]*(?:\/[A-Za-z0-9._-]+)?$/.test(owner)).slice(0, 5);
  const body = [
    `<!-- ${key} -->`,
    escapeText(oneLine(finding.title, 500)),
    ['|  |  |', '| --- | --- |', ...rows].join('\n'),
    mention.length === 0
      ? 'Nobody owns this: no rule of CODEOWNERS and no catalog entry names an owner.'
      : mention.join(' '),
    `[Everything that was found](${new URL(detailsUrl).href})`,
  ];
  return {
    key,
    title: oneLine(`${finding.id} in ${placeOf(finding)}`.replaceAll('@', '@\u{200b}'), 200),
    body: `${body.join('\n\n')}\n`,
    labels: ['security', `severity:${finding.severity}`],
  };
}

export interface SlackPayload {
  readonly text: string;
  readonly blocks: readonly {
    readonly type: 'section';
    readonly text: { readonly type: 'mrkdwn'; readonly text: string };
  }[];
}

const MAX_SLACK = 20;

/** Slack's own escaping leaves formatting characters, so those go as well: no link, mention (`<!channel>`) or emphasis. */
function slackText(text: string): string {
  return oneLine(text, 200)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[*_~`]/g, (character) => `\u{200b}${character}\u{200b}`)
    .replaceAll(/@(?=\w)/g, '@\u{200b}')
    .replaceAll('://', ':\u{200b}//');
}

/** Body for a Slack-compatible incoming webhook: the first findings, and how many more. */
export function slackPayload(
  findings: readonly ReportedFinding[],
  context: Omit<NotificationContext, 'escapeText'>,
): SlackPayload {
  const shown = findings.slice(0, MAX_SLACK);
  const line = (finding: ReportedFinding) =>
    `• ${slackText(finding.id)} (${finding.severity}) in ${slackText(placeOf(finding))}: ${slackText(plainReason(finding))}`;
  const left = findings.length - shown.length;
  const head = `${findings.length} findings in ${slackText(context.subject)}`;
  const link = `<${new URL(context.detailsUrl).href}|Everything that was found>`;
  const body = [head, ...shown.map(line), ...(left > 0 ? [`and ${left} more`] : []), link].join('\n');
  return { text: head, blocks: [{ type: 'section', text: { type: 'mrkdwn', text: body.slice(0, 3000) } }] };
}

export interface JiraPayload {
  readonly fields: {
    readonly project: { readonly key: string };
    readonly issuetype: { readonly name: string };
    readonly summary: string;
    readonly description: string;
    readonly labels: readonly string[];
  };
}

/** Body for a Jira-shaped webhook; the key is a label, by which a second delivery is found. Wiki markup is taken apart. */
export function jiraPayload(
  finding: ReportedFinding,
  context: Omit<NotificationContext, 'escapeText'> & { readonly project: string },
): JiraPayload {
  const plain = (text: string) =>
    oneLine(text, 500)
      .replaceAll(/[{}[\]|!*_^~+?\\]/g, (character) => `\\${character}`)
      .replaceAll('://', ':\u{200b}//')
      .replaceAll(/@(?=\w)/g, '@\u{200b}');
  const lines = [
    plain(finding.title),
    `Subject: ${plain(context.subject)}`,
    `Package: ${plain(placeOf(finding))}`,
    `Severity: ${finding.severity}`,
    `Fixed in: ${finding.fixedIn.length === 0 ? 'no fix yet' : plain(finding.fixedIn.join(', '))}`,
    `Owners: ${context.owners.length === 0 ? 'none' : plain(context.owners.join(', '))}`,
    new URL(context.detailsUrl).href,
  ];
  return {
    fields: {
      project: { key: context.project },
      issuetype: { name: 'Bug' },
      summary: oneLine(`${finding.id} in ${placeOf(finding)}`, 250),
      description: lines.join('\n'),
      labels: [deduplicationKey(finding, context.subject), `severity-${finding.severity}`],
    },
  };
}
