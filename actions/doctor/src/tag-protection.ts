import { array, integer, object, optional, string } from '@paved/json';
import { type Check, judge } from './check.js';
import type { Answer } from './settings-api.js';

const list = array(object({ id: integer, target: optional(string), enforcement: string }));
const ruleset = object({
  conditions: optional(object({ ref_name: optional(object({ include: array(string), exclude: array(string) })) })),
  rules: optional(array(object({ type: string }))),
});

/** A tag of a release, and the rules that keep it where it is. */
const RELEASE_TAG = 'refs/tags/v1.2.3';
const NEEDED: Readonly<Record<string, string>> = {
  update: 'version tags can be moved',
  deletion: 'version tags can be deleted',
};

/** Only active rulesets count whose conditions take in `v1.2.3`; several together may hold what is needed. */
export const tagProtection: Check = async ({ api, path }) => {
  const rulesets = await api.read(`${path}/rulesets?includes_parents=true&targets=tag&per_page=100`, list);
  const answer: Answer<ReadonlySet<string>> = rulesets.$case === 'found' ? await activeRules(rulesets.value) : rulesets;
  const parts = {
    id: 'tag-protection',
    good: 'version tags can neither be moved nor deleted',
    absent: 'there are no rulesets',
    cure: 'Settings > Rules > Rulesets: an active tag ruleset for v*.*.* that restricts updates and deletions, without bypass',
  };
  return [
    judge(parts, answer, (active) =>
      Object.entries(NEEDED).flatMap(([type, problem]) => (active.has(type) ? [] : [problem])),
    ),
  ];

  async function activeRules(found: ReturnType<typeof list>): Promise<Answer<ReadonlySet<string>>> {
    const types = new Set<string>();
    for (const { id, target, enforcement } of found) {
      if (enforcement !== 'active' || (target ?? 'tag') !== 'tag') continue;
      const details = await api.read(`${path}/rulesets/${id}`, ruleset);
      if (details.$case === 'unreadable') return details;
      if (details.$case === 'absent' || !takesIn(details.value)) continue;
      for (const { type } of details.value.rules ?? []) types.add(type);
    }
    return { $case: 'found', value: types };
  }
};

function takesIn({ conditions }: ReturnType<typeof ruleset>): boolean {
  const names = conditions?.ref_name;
  if (names === undefined) return false;
  return names.include.some(matches) && !names.exclude.some(matches);
}

/** GitHub's patterns: `~ALL`, or fnmatch over the full ref where `*` stays within a segment and `**` does not. */
function matches(pattern: string): boolean {
  if (pattern === '~ALL') return true;
  const source = pattern
    .split('**')
    .map((part) =>
      part
        .split('*')
        .map((text) => text.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&'))
        .join('[^/]*'),
    )
    .join('.*');
  return new RegExp(`^${source}$`).test(RELEASE_TAG);
}
