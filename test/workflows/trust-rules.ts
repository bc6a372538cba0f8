import { legsOf } from './leg-rules.js';
import { action, eachJob, eachStep, type Rule, violation } from './rule.js';

const RENDERED_ENVIRONMENT = `\${{ env.PAVED_TRUSTED_ROOT }}`;

/** Inputs of our actions that receive a credential or decide what is trusted: they must be literals of the rendered workflow. */
const FIXED_AT_RENDER = new Set([
  'fulcio-url',
  'rekor-url',
  'tsa-url',
  'oidc-audience',
  'oidc-issuer',
  'issuer',
  'trusted-root',
  'isolation',
  'buildkit-image',
  'patch-mirrors',
  'private-hosts',
  'method',
  'token-url',
  'revocation-url',
  'audience',
  'registry',
  'registry-url',
  'workflow-path',
  'expected-workflow-path',
  'policy-floor',
  'allowed-events',
  'require-protected-ref',
  'allow-isolation-none',
  'allow-rehearsal',
  'rehearsal',
  'throw-away-key',
  'osv-database',
  'scanners',
  'databases',
  'database-age',
  'tool-urls',
  'kev',
  'max-age',
  'server-url',
  'as-of',
  'store',
  'require',
  'registries',
  'registry-username',
  'trust-repository',
]);

/** Rule 5: who holds a token knows which workflow at which commit it must name. */
export const claimsAreExpected: Rule = (workflow) =>
  eachStep(workflow, (where, step) =>
    ['sign', 'provenance'].includes(action(step) ?? '') && step.with?.['throw-away-key'] === undefined
      ? [
          ...violation(
            5,
            where,
            'does not name the expected workflow',
            !/\/\.github\/workflows\/[a-z-]+\.yml$/.test(step.with?.['expected-workflow-path'] ?? ''),
          ),
          ...violation(
            5,
            where,
            'does not name the expected commit',
            step.with?.['expected-workflow-sha'] !== `\${{ job.workflow_sha }}`,
          ),
        ]
      : [],
  );

/** Rule 8: no caller names an address that receives a token, and no secret is asked for. */
export const callersNameNoAddress: Rule = (workflow) => [
  ...Object.keys(workflow.on.workflow_call?.inputs ?? {}).flatMap((name) =>
    violation(
      8,
      `inputs.${name}`,
      'names an address or an audience',
      /url|host|registry|audience|issuer|server|endpoint|root|token/.test(name),
    ),
  ),
  ...violation(
    8,
    'workflow',
    'asks for secrets',
    workflow.on.workflow_call?.secrets !== undefined || /\bsecrets[.[]/.test(JSON.stringify(workflow)),
  ),
];

/** Rule 9: what decides trust is a literal. */
export const trustIsRendered: Rule = (workflow) => [
  ...violation(9, 'workflow', 'has an environment of its own', workflow.env !== undefined),
  ...eachJob(workflow, (name, job) => {
    const isLegs = job['runs-on'] === `\${{ matrix.runner }}` && legsOf(job) !== undefined;
    return violation(9, name, 'takes its runner from an expression', !isLegs && job['runs-on'].includes('${{'));
  }),
  ...eachJob(workflow, (name, job) =>
    Object.entries(job.env ?? {}).flatMap(([key, value]) =>
      violation(9, `${name}.env.${key}`, 'is an expression', value.includes('${{')),
    ),
  ),
  ...eachStep(workflow, (where, step) =>
    Object.entries(step.with ?? {}).flatMap(([key, value]) =>
      violation(
        9,
        `${where}.${key}`,
        'is not a literal',
        FIXED_AT_RENDER.has(key) && value !== RENDERED_ENVIRONMENT && value.includes('${{'),
      ),
    ),
  ),
];

/** Rule 10: the gate reads policy from the repository's protected side, through the API. */
export const policyComesFromTheBase: Rule = (workflow) =>
  eachStep(workflow, (where, step) =>
    action(step) === 'scan-gate' && step.with?.mode === 'gate'
      ? [
          ...violation(
            10,
            where,
            'does not read the policy through the API',
            step.with['policy-from-repository'] !== 'true',
          ),
          ...violation(10, where, 'takes a policy from the run', step.with.policy !== undefined),
          ...violation(
            10,
            where,
            'takes statements from the run, or cannot check those of the repository',
            step.with.vex !== undefined || step.with['trusted-root'] !== RENDERED_ENVIRONMENT,
          ),
        ]
      : [],
  );
