/** To add a check: name its rule here and in docs/checks.md, and find it in a file beside this one. */
export const RULES = {
  'unsigned-commit': { level: 'error', text: 'A commit has no signature that the server could verify' },
  'unpinned-action': { level: 'error', text: 'An action, workflow or image is not named by commit or digest' },
  'untrusted-expression': { level: 'error', text: 'What others write becomes part of a shell script' },
  'expression-in-shell': { level: 'warning', text: 'An expression becomes part of a shell script' },
  'permissions-missing': { level: 'error', text: 'A workflow leaves its permissions to the settings' },
  'permissions-all': { level: 'error', text: 'A workflow or job takes every write permission' },
  'workflow-unreadable': { level: 'error', text: 'A workflow or action could not be read, so nobody checked it' },
} as const satisfies Readonly<Record<string, { readonly level: 'error' | 'warning'; readonly text: string }>>;

export type RuleId = keyof typeof RULES;

export interface Finding {
  readonly rule: RuleId;
  /** Text of others is in it: bounded here, escaped where it is shown. */
  readonly detail: string;
  /** Relative to the repository, with `/`; absent for a commit. */
  readonly path?: string;
  /** From 1. */
  readonly line?: number;
  /** The commit, where the finding is about one. */
  readonly commit?: string;
}
