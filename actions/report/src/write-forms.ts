import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildBacklog,
  cosignVulnPredicate,
  issueRequest,
  jiraPayload,
  type NotificationContext,
  type Reported,
  type ReportedFinding,
  slackPayload,
  vulnsPredicates,
} from '@paved/gate/results';

/** More payloads than this are no notification. */
export const MAX_PAYLOADS = 100;

export interface Forms {
  readonly verdict: Reported;
  readonly sarif: string;
  readonly comment: string;
  readonly notification: NotificationContext;
  readonly jiraProject: string | undefined;
  /** What cosign's predicate says about the run; absent when nobody asked for it. */
  readonly cosign: { readonly uri: string; readonly eventId: string; readonly builderId: string } | undefined;
}

/** What blocks, what warns, and what is exploited: the rest is in the backlog. */
export function isNews({ status, action, kev }: ReportedFinding): boolean {
  return status === 'open' && (action === 'block' || action === 'warn' || kev !== undefined);
}

/** Every form that somebody else sends or signs: written here, sent by whoever holds the address and its secret. */
export async function writeForms(folder: string, forms: Forms) {
  const { verdict, notification, jiraProject, cosign } = forms;
  const news = verdict.findings.filter(isNews);
  const worst = news.slice(0, MAX_PAYLOADS);
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text, { flag: 'wx' });
    return path;
  };
  const json = (name: string, value: unknown) => write(name, `${JSON.stringify(value, null, 2)}\n`);
  const predicates = vulnsPredicates(verdict);
  return {
    'sarif-path': await write('gate.sarif', forms.sarif),
    'comment-path': await write('comment.md', forms.comment),
    'backlog-path': await json('backlog.json', buildBacklog(verdict)),
    'predicates-path': await json('predicates.json', predicates),
    'slack-path': news.length === 0 ? undefined : await json('slack.json', slackPayload(news, notification)),
    'issues-path': await json(
      'issues.json',
      worst.map((finding) => issueRequest(finding, notification)),
    ),
    'jira-path':
      jiraProject === undefined
        ? undefined
        : await json(
            'jira.json',
            worst.map((finding) => jiraPayload(finding, { ...notification, project: jiraProject })),
          ),
    'cosign-path':
      cosign === undefined
        ? undefined
        : await json(
            'cosign-vuln.json',
            predicates.map(({ scanner }) => ({ scanner, predicate: cosignVulnPredicate(verdict, scanner, cosign) })),
          ),
  };
}
