/** One line of CODEOWNERS. Without owners, what it matches is nobody's. */
export interface CodeOwnersRule {
  readonly pattern: string;
  readonly owners: readonly string[];
  readonly segments: readonly string[];
  readonly folderOnly: boolean;
  /** `dir/*` reaches the files of the folder, not those below. */
  readonly exactDepth: boolean;
}

export type CodeOwners = readonly CodeOwnersRule[];

const MAX_RULES = 10_000;
const MAX_PATTERN = 1000;

/** GitHub reads three places, in this order. */
export const CODEOWNERS_PATHS: readonly string[] = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'];

function compile(pattern: string, owners: readonly string[]): CodeOwnersRule {
  const folderOnly = pattern.endsWith('/');
  const body = pattern.replace(/^\//, '').replace(/\/$/, '');
  const anchored = pattern.startsWith('/') || body.includes('/');
  const segments = body.split('/');
  const exactDepth = anchored && !folderOnly && segments.at(-1) === '*';
  return { pattern, owners, segments: anchored ? segments : ['**', ...segments], folderOnly, exactDepth };
}

/** Lines that GitHub skips as invalid (a negation, a character range) are skipped here as well: they own nothing. */
export function parseCodeOwners(text: string): CodeOwners {
  const rules: CodeOwnersRule[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || rules.length >= MAX_RULES) continue;
    const match = /^((?:\\.|[^\s\\])+)(.*)$/.exec(line);
    const pattern = (match?.[1] ?? '').replaceAll('\\ ', ' ').replace(/^\\#/, '#');
    if (pattern === '' || pattern.length > MAX_PATTERN || pattern.startsWith('!') || /\[.*\]/.test(pattern)) continue;
    const owners = (match?.[2] ?? '')
      .replace(/\s#.*$/, '')
      .split(/\s+/)
      .filter((word) => /^@|.@./.test(word));
    rules.push(compile(pattern, owners));
  }
  return rules;
}

/** The last rule that matches decides, as for GitHub; empty when none does or it names nobody. */
export function ownersOf(rules: CodeOwners, path: string): readonly string[] {
  return rules.findLast((rule) => matchesRule(rule, path))?.owners ?? [];
}

export function matchesRule(rule: CodeOwnersRule, path: string): boolean {
  const parts = path.replace(/^\//, '').split('/');
  const { segments, folderOnly, exactDepth } = rule;
  // Reachable positions in the path after each segment: linear in both, whatever the pattern.
  let positions = new Set([0]);
  for (const segment of segments) {
    const next = new Set<number>();
    for (const position of positions) {
      if (segment === '**') for (let skip = position; skip <= parts.length; skip++) next.add(skip);
      else if (position < parts.length && matchesSegment(segment, parts[position] ?? '')) next.add(position + 1);
    }
    positions = next;
  }
  for (const position of positions) {
    if (folderOnly ? position < parts.length : !exactDepth || position === parts.length) return true;
  }
  return false;
}

/** `*` and `?` within one segment, `\` takes the next character as it is. */
function matchesSegment(pattern: string, text: string): boolean {
  let positions = new Set([0]);
  for (let at = 0; at < pattern.length; at++) {
    const next = new Set<number>();
    const character = pattern[at];
    if (character === '*') {
      const from = Math.min(...positions);
      for (let position = from; position <= text.length; position++) next.add(position);
    } else {
      const literal = character === '\\' ? pattern[++at] : character;
      const any = character === '?';
      for (const position of positions) {
        if (position < text.length && (any || text[position] === literal)) next.add(position + 1);
      }
    }
    if (next.size === 0) return false;
    positions = next;
  }
  return positions.has(text.length);
}
