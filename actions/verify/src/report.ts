import type { ActionContext } from '@paved/runner-kit';
import type { Verification } from './verification.js';

/** The same table in summary and log; details hold text of others, so the log prints them without commands. */
export function report(context: ActionContext, verification: Verification): void {
  const { ok, checks, claims, artifacts } = verification;
  context.summary.heading(ok ? 'Verification: passed' : 'Verification: failed');
  for (const { name, digest } of artifacts) context.summary.paragraph(`${name} ${digest}`);
  context.summary.table(
    ['Check', 'Result', 'Detail'],
    checks.map((check) => [check.name, check.ok ? 'ok' : (check.code ?? 'failed'), check.detail]),
  );
  context.summary.details('Claims and who vouches for them', (summary) =>
    summary.table(
      ['Field', 'Value', 'Vouched for by', 'Checked'],
      claims.map((claim) => [claim.field, claim.value, claim.voucher, claim.checked]),
    ),
  );
  const width = Math.max(...checks.map(({ name }) => name.length));
  context.log.untrusted(
    checks.map(({ name, code, detail }) => `${name.padEnd(width)}  ${code ?? 'ok'}  ${detail}`).join('\n'),
  );
  context.events.emit({
    stage: 'verify',
    event: ok ? 'verified' : 'refused',
    digest: verification.artifact.digest,
    checks: checks.length,
    failed: checks.flatMap(({ name, ok: good }) => (good ? [] : [name])),
  });
}

/** The ledger in the log: what is known, who says so, and what it was compared with. */
export function reportClaims(context: ActionContext, { claims }: Verification): void {
  const lines = claims.map(({ field, value, voucher, checked }) => `${field} = ${value}\n  ${voucher}; ${checked}`);
  context.log.info('Claims and who vouches for them:');
  context.log.untrusted(lines.join('\n'));
}

/** A second opinion: neither tool compares repository and owner by id. */
export function reportCommands(context: ActionContext, commands: readonly string[]): void {
  context.log.info('The same with gh and cosign, which do not compare repository and owner by id:');
  context.log.untrusted(commands.join('\n'));
  context.summary.details('The same with gh and cosign', (summary) => {
    for (const command of commands) summary.paragraph(command);
  });
}
