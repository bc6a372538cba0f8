import { digestHex, sha256 } from '@paved/digest';
import { escapeMarkdown } from '@paved/runner-kit';
import { type IssueText, issueMarker } from '@paved/runner-kit/github';
import type { Alarm, Finding } from './findings.js';

/** Told apart from issues of people, and from those of rescan. */
export const LABEL = 'paved-watch';

const CURE_ENTRY = `If nobody can say which run this was, somebody has signed in our name:

1. Revoke the commit of the workflow that the certificate names in trust.json, so that nothing it signed is accepted.
2. Find out who could start that workflow, or mint its token: look at the run, the runners and the repository's audit log.
3. Remove what was published with this certificate, release again from a new commit, and only then close this issue.`;

const CURE_LOG = `A log that is asked for a proof and cannot give it vouches for nothing:

1. Keep the checkpoint below and the newest one of the log: two that contradict each other are the proof.
2. Run the workflow again; a server that gave wrong bytes once is not a log that lies.
3. If it stays, tell the operator of the log, and stop accepting its entries: take it out of the trusted root.`;

export interface KeyedIssue extends IssueText {
  readonly key: string;
}

/** One issue for an entry, however often it is read. */
export function entryIssue(finding: Finding): KeyedIssue {
  const { log, logIndex } = finding;
  const facts = [
    ['Log', log],
    ['Log index', String(logIndex)],
    ['Kind of entry', finding.kind],
    ['Identity', finding.identity],
    ['Issuer', finding.issuer],
    ['Commit of the workflow', finding.signerCommit],
    ['Run', finding.run],
    ['Certificate issued', finding.notBefore],
    ['SHA-256 of the certificate', finding.certificateSha256],
    ...finding.reasons.map((reason) => ['Not explained', reason]),
  ] as const;
  const title = `Log entry ${logIndex} of ${new URL(log).host} is not explained by a known run`;
  return keyed(`entry|${log}|${logIndex}|${finding.certificateSha256}`, title, facts, CURE_ENTRY);
}

/** One issue for each way in which a log breaks its word. */
export function alarmIssue({ log, code, message, checkpoint }: Alarm): KeyedIssue {
  const facts = [
    ['Log', log],
    ['What', code],
    ['Detail', message],
    ...(checkpoint ?? '').split('\n').map((line) => ['Checkpoint seen before', line] as const),
  ] as const;
  return keyed(`log|${log}|${code}`, `${code}: the log ${new URL(log).host} cannot be followed`, facts, CURE_LOG);
}

function keyed(
  identity: string,
  title: string,
  facts: readonly (readonly [string, string | undefined] | readonly string[])[],
  cure: string,
): KeyedIssue {
  const key = `paved-${digestHex(sha256(`watch|${identity}`)).slice(0, 32)}`;
  const lines = facts.flatMap(([name = '', value]) =>
    value === undefined || value === '' ? [] : [`- ${name}: ${escapeMarkdown(value)}`],
  );
  return { key, title, body: `${issueMarker(key)}\n${lines.join('\n')}\n\n${cure}\n`, labels: [LABEL] };
}
