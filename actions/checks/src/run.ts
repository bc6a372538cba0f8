import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { commitRange } from './commit-range.js';
import { unsignedCommits } from './commits.js';
import type { definition } from './definition.js';
import { type Finding, RULES } from './finding.js';
import { buildSarif } from './sarif.js';
import { checkWorkflow } from './workflow-checks.js';
import { readWorkflowFiles } from './workflow-files.js';

const MAX_ROWS = 50;

/** Finds, and decides nothing: the gate does, under the policy. */
export async function run(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  const commits = await unsignedCommits(await commitRange(context), inputs['github-token'], context);
  const files = await readWorkflowFiles(inputs['source-path']);
  const findings = [...commits.findings, ...files.flatMap(checkWorkflow)];
  const path = join(await context.workDir(), 'checks.sarif');
  await writeFile(path, `${JSON.stringify(buildSarif(findings), null, 2)}\n`, { flag: 'wx' });
  summarise(findings, context);
  context.log.info(`Checked ${commits.checked} commits and ${files.length} files: ${findings.length} findings`);
  context.events.emit({
    stage: 'checks',
    event: 'checked',
    commits: commits.checked,
    files: files.length,
    findings: findings.length,
  });
  return { 'report-path': path, findings: String(findings.length) };
}

function summarise(findings: readonly Finding[], { summary }: ActionContext): void {
  summary.heading('Checks');
  summary.table(
    ['Rule', 'Level', 'Where', 'Detail'],
    findings
      .slice(0, MAX_ROWS)
      .map(({ rule, detail, path, line }) => [
        rule,
        RULES[rule].level,
        path === undefined ? '' : `${path}:${line}`,
        detail,
      ]),
  );
}
