import type { RuleId } from './finding.js';

/** What nobody outside can choose: it may stand in a script. */
const SAFE =
  /^(?:github\.(?:sha|run_id|run_number|run_attempt|repository|repository_id|repository_owner|repository_owner_id|workspace|action_path|event_name|server_url|api_url|graphql_url|job|actor_id|retention_days)|runner\.\w+|job\.status|strategy\.job-(?:index|total))$/;
/** What people outside write: titles, branches, names of files; inputs come from whoever calls. */
const OTHERS = /^(?:github|inputs)\b/;
const CONTEXT =
  /(?<![\w.\-'])(?:github|inputs|env|vars|secrets|steps|needs|matrix|job|jobs|runner|strategy)\b(?:\.(?:[\w-]+|\*))*/g;

/** The worst that the expressions of a script are, with the first that is; `undefined` for none, or safe ones alone. */
export function judgeScript(
  script: string,
): { readonly rule: RuleId; readonly expression: string; readonly offset: number } | undefined {
  let worst: ReturnType<typeof judgeScript>;
  let at = script.indexOf('${{');
  while (at !== -1) {
    const end = script.indexOf('}}', at);
    const body = script.slice(at + 3, end === -1 ? undefined : end);
    const rule = judgeExpression(body);
    if (rule !== undefined && (worst === undefined || rule !== worst.rule)) {
      const found = { rule, expression: body.trim().slice(0, 120), offset: at };
      if (rule === 'untrusted-expression') return found;
      worst = found;
    }
    at = script.indexOf('${{', at + 3);
  }
  return worst;
}

function judgeExpression(body: string): RuleId | undefined {
  // Case does not matter to the service, and github['head_ref'] is github.head_ref.
  const plain = body
    .toLowerCase()
    .replaceAll(/\s*\[\s*'([\w-]+)'\s*\]/g, '.$1')
    .replaceAll(/\s*\.\s*/g, '.');
  // What is left in brackets is computed: anything of the context.
  const contexts = plain.replaceAll(/'(?:[^']|'')*'/g, "''").match(CONTEXT) ?? [];
  const unsafe = contexts.filter((name) => !SAFE.test(name) || plain.includes(`${name}[`));
  if (unsafe.some((name) => OTHERS.test(name))) return 'untrusted-expression';
  return unsafe.length > 0 ? 'expression-in-shell' : undefined;
}
