import { array, boolean, integer, nullable, object, optional, string } from '@paved/json';
import { type Check, judge } from './check.js';
import { tagProtection } from './tag-protection.js';

const rule = object({ type: string });
const workflowPermissions = object({
  default_workflow_permissions: string,
  can_approve_pull_request_reviews: boolean,
});
const actionsPermissions = object({
  enabled: boolean,
  allowed_actions: optional(string),
  sha_pinning_required: optional(boolean),
});
const environment = object({
  protection_rules: optional(array(object({ type: string }))),
  deployment_branch_policy: nullable(object({ protected_branches: boolean })),
});
const containerPackage = object({ repository: optional(object({ full_name: string })) });
const commits = array(object({ sha: string, commit: object({ verification: object({ verified: boolean }) }) }));

/** What a ruleset of the default branch must forbid or demand, by the API's names. */
const BRANCH_RULES: Readonly<Record<string, string>> = {
  pull_request: 'changes go in without a pull request',
  non_fast_forward: 'history can be rewritten',
  deletion: 'the branch can be deleted',
  required_signatures: 'unsigned commits go in',
  required_status_checks: 'changes go in without a check',
};

const branchRules: Check = async ({ api, path, branch }) => {
  const answer = await api.read(`${path}/rules/branches/${encodeURIComponent(branch)}?per_page=100`, array(rule));
  const parts = {
    id: 'branch-rules',
    good: `${branch} is protected by active rules`,
    absent: `nothing protects ${branch}`,
    cure: `Settings > Rules > Rulesets: an active branch ruleset for ${branch} with ${Object.keys(BRANCH_RULES).join(', ')}`,
  };
  return [
    judge(parts, answer, (rules) => {
      const active = new Set(rules.map(({ type }) => type));
      return Object.entries(BRANCH_RULES).flatMap(([type, problem]) => (active.has(type) ? [] : [problem]));
    }),
  ];
};

const environmentProtection: Check = async ({ api, path, environment: name }) => {
  const answer = await api.read(`${path}/environments/${encodeURIComponent(name)}`, environment);
  const parts = {
    id: 'environment',
    good: `"${name}" waits for a reviewer and takes protected branches alone`,
    absent: `there is no environment "${name}"`,
    cure: `Settings > Environments > ${name}: required reviewers, and deployment branches "Protected branches only"`,
  };
  return [
    judge(parts, answer, ({ protection_rules = [], deployment_branch_policy }) => [
      ...(protection_rules.some(({ type }) => type === 'required_reviewers') ? [] : ['nobody has to approve']),
      ...(deployment_branch_policy === null ? ['every branch may deploy'] : []),
    ]),
  ];
};

const tokenDefaults: Check = async ({ api, path }) => {
  const answer = await api.read(`${path}/actions/permissions/workflow`, workflowPermissions);
  const parts = {
    id: 'token-defaults',
    good: 'a job without permissions reads, and cannot approve',
    absent: 'the setting is not there',
    cure: 'Settings > Actions > General > Workflow permissions: read, and no approval of pull requests',
  };
  return [
    judge(parts, answer, ({ default_workflow_permissions: level, can_approve_pull_request_reviews: approves }) => [
      ...(level === 'read' ? [] : ['a job without permissions may write']),
      ...(approves ? ['a workflow can approve pull requests'] : []),
    ]),
  ];
};

const pinning: Check = async ({ api, path }) => {
  const answer = await api.read(`${path}/actions/permissions`, actionsPermissions);
  const parts = {
    id: 'sha-pinning',
    good: 'an action by tag fails the run, and not every action may be used',
    absent: 'the setting is not there',
    cure: 'Settings > Actions > General: selected actions only, and "Require actions to be pinned to a full-length commit SHA"',
  };
  return [
    judge(parts, answer, ({ allowed_actions: allowed, sha_pinning_required: pinned }) => [
      ...(pinned === true ? [] : ['actions may be named by tag']),
      ...(allowed === 'all' ? ["everybody's actions may be used"] : []),
    ]),
  ];
};

const packageLinks: Check = async ({ api, owner, repository, packages }) =>
  await Promise.all(
    packages.map(async (name) => {
      const path = `packages/container/${encodeURIComponent(name)}`;
      const inOrganisation = await api.read(`/orgs/${owner}/${path}`, containerPackage);
      const answer =
        inOrganisation.$case === 'absent'
          ? await api.read(`/users/${owner}/${path}`, containerPackage)
          : inOrganisation;
      const parts = {
        id: `package-link:${name}`,
        good: `it belongs to ${repository}`,
        absent: 'there is no such package',
        cure: `Package settings: connect it to ${repository}, and let no other repository write`,
      };
      return judge(parts, answer, ({ repository: linked }) =>
        linked?.full_name.toLowerCase() === repository.toLowerCase()
          ? []
          : [linked === undefined ? 'it belongs to no repository' : `it belongs to ${linked.full_name}`],
      );
    }),
  );

const signedCommits: Check = async ({ api, path, branch, commitCount }) => {
  const query = `sha=${encodeURIComponent(branch)}&per_page=${commitCount}`;
  const answer = await api.read(`${path}/commits?${query}`, commits);
  const parts = {
    id: 'signed-commits',
    good: `the newest ${commitCount} commits are signed`,
    absent: 'there are no commits',
    cure: 'Sign commits (git config commit.gpgsign true), and demand it with the rule required_signatures',
  };
  return [
    judge(parts, answer, (list) => {
      if (list.length === 0) return ['there are no commits'];
      const unsigned = list.filter(({ commit }) => !commit.verification.verified);
      return unsigned.length === 0
        ? []
        : [`${unsigned.length} of ${list.length} are not, first ${unsigned[0]?.sha ?? ''}`];
    }),
  ];
};

/** To add a check: write it above, or in a file beside this one, and name it here and in docs/doctor.md. */
export const CHECKS: readonly Check[] = [
  branchRules,
  tagProtection,
  environmentProtection,
  tokenDefaults,
  pinning,
  packageLinks,
  signedCommits,
];

export const repositoryDocument = object({ id: integer, full_name: string, default_branch: string });
