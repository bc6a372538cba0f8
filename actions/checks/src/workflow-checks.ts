import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument, visit, type YAMLMap } from 'yaml';
import { judgeScript } from './expressions.js';
import type { Finding, RuleId } from './finding.js';
import type { WorkflowFile } from './workflow-files.js';

const COMMIT = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/;
const IMAGE = /^docker:\/\/[^@\s]+@sha256:[0-9a-f]{64}$/;
const LOCAL = /^(?:\.|\$)\/(?!.*(?:^|\/)\.\.(?:\/|$))/;
/** Values of these keys are programs: a shell's, and that of actions/github-script. */
const SCRIPTS = new Set(['run', 'script']);

type Report = (rule: RuleId, detail: string, node?: unknown, plusLines?: number) => void;
type Document = ReturnType<typeof parseDocument>;

/**
 * All findings of one file. The tree is visited as it is written: an alias is looked up and never expanded, so a short file stays
 * short, and what an anchor holds is seen once, where it stands.
 */
export function checkWorkflow({ path, kind, text }: WorkflowFile): readonly Finding[] {
  const findings: Finding[] = [];
  const lines = new LineCounter();
  const report: Report = (rule, detail, node, plusLines = 0) => {
    const offset = (node as Node | undefined)?.range?.[0];
    const line = (offset === undefined ? 1 : lines.linePos(offset).line) + plusLines;
    findings.push({ rule, detail, path, line });
  };
  if (text === undefined) {
    report('workflow-unreadable', 'It is no regular file of text, or too large');
    return findings;
  }
  try {
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, logLevel: 'silent' });
    if (document.errors.length > 0 || !isMap(document.contents)) report('workflow-unreadable', 'It is no YAML mapping');
    else {
      visitPairs(document, report);
      if (kind === 'workflow') checkPermissions(document, document.contents, report);
    }
  } catch {
    // Nested deeper than the parser's stack: nobody writes that.
    report('workflow-unreadable', 'It is nested too deeply');
  }
  return findings;
}

function visitPairs(document: Document, report: Report): void {
  visit(document, {
    Pair(_key, pair, ancestors) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      const value = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
      if (!isScalar(value) || typeof value.value !== 'string') {
        if (name === 'uses' && isScalar(value)) report('unpinned-action', 'uses names nothing', value);
        return;
      }
      const isImage = name === 'image' && ancestors.length === 4 && value.value.startsWith('docker://');
      if (name === 'uses' || isImage) checkPin(value.value, value, report);
      if (SCRIPTS.has(name)) checkScript(value.value, value, report);
    },
  });
}

function checkPin(text: string, node: unknown, report: Report): void {
  if (COMMIT.test(text) || IMAGE.test(text) || LOCAL.test(text)) return;
  report('unpinned-action', `${JSON.stringify(text.slice(0, 200))} is not named by 40 hex digits or a digest`, node);
}

function checkScript(text: string, node: unknown, report: Report): void {
  const found = judgeScript(text);
  if (found === undefined) return;
  const isBlock = /^BLOCK_/.test((node as { readonly type?: string }).type ?? '');
  const below = isBlock ? 1 + text.slice(0, found.offset).split('\n').length - 1 : 0;
  report(found.rule, `${JSON.stringify(found.expression)} stands in a script: pass it through env`, node, below);
}

function checkPermissions(document: Document, root: YAMLMap, report: Report): void {
  const own = resolved(root.get('permissions', true), document);
  const jobs = resolved(root.get('jobs', true), document);
  const pairs = isMap(jobs) ? jobs.items : [];
  const all = pairs.map(({ value }) => resolved(value, document));
  const ofJobs = all.map((job) => (isMap(job) ? resolved(job.get('permissions', true), document) : undefined));
  for (const permissions of [own, ...ofJobs]) {
    if (isScalar(permissions) && permissions.value === 'write-all') {
      report('permissions-all', 'permissions: write-all', permissions);
    }
  }
  if (isStated(own)) return;
  const missing = ofJobs.findIndex((permissions) => !isStated(permissions));
  if (missing !== -1 || pairs.length === 0) {
    report('permissions-missing', 'Neither the workflow nor each of its jobs states permissions', pairs[missing]?.key);
  }
}

/** `permissions:` without a value is the default of the settings. */
function isStated(node: unknown): boolean {
  return isMap(node) || (isScalar(node) && node.value !== null);
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}
