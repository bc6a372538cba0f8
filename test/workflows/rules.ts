import { LEG_RULES, legsOf, namesEveryLeg, takesLegsOf } from './leg-rules.js';
import { action, eachJob, eachStep, holdsIdToken, position, type Rule, type Violation, violation } from './rule.js';
import type { Job, Step, Workflow } from './workflow.js';

export type { Violation } from './rule.js';

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

const REHEARSAL_INPUTS = ['rehearsal', 'allow-rehearsal', 'throw-away-key'];
const RENDERED_ENVIRONMENT = `\${{ env.PAVED_TRUSTED_ROOT }}`;
const ARTIFACT = `\${{ steps.artifact.outputs.path }}`;
const ASSEMBLED = `\${{ steps.layout.outputs.layout-path }}`;
const PINNED = /^[^@]+@[0-9a-f]{40}$/;

/** Rule 1: where a token can be minted, only our own code runs. */
const onlyPavedStepsBesideTheToken: Rule = (workflow) =>
  eachJob(workflow, (name, job) =>
    holdsIdToken(job)
      ? [
          ...violation(
            1,
            name,
            'has a container or services',
            job.container !== undefined || job.services !== undefined,
          ),
          ...job.steps.flatMap((step, index) => [
            ...violation(1, `${name}.${index}`, 'is a run step', step.run !== undefined),
            ...violation(1, `${name}.${index}`, 'is not an own action', action(step) === undefined),
            ...violation(
              1,
              `${name}.${index}`,
              'may start third-party tools',
              ['hermetic-build', 'sbom', 'scan'].includes(action(step) ?? ''),
            ),
          ]),
        ]
      : [],
  );

/** Rule 2: statements never come out of a hand-over; `sign` takes them from this job's own builders. */
const statementsAreMadeInSeal: Rule = (workflow) =>
  eachStep(workflow, (where, step) => {
    const sources = step.with?.statements?.split('\n').filter((line) => line.trim() !== '') ?? [];
    return sources.flatMap((source) =>
      violation(
        2,
        where,
        `takes ${source}`,
        !/^\$\{\{ steps\.(provenance|gate|verify)\.outputs\.(statement|vsa)-path \}\}$/.test(source.trim()),
      ),
    );
  });

/** A workflow of its own takes id and digest of one hand-over from its caller; never where a token can be minted. */
function isCallersHandover(step: Step, job: Job): boolean {
  const id = /^\$\{\{ inputs\.([a-z]+)-id \}\}$/.exec(step.with?.['artifact-id'] ?? '');
  return id !== null && !holdsIdToken(job) && step.with?.sha256 === `\${{ inputs.${id[1]}-sha256 }}`;
}

/**
 * What a refusing step wrote is handed over, or told to the owner, also then: showing it needs no success, and the job holds no
 * token. The condition is that the document is there, and nothing else.
 */
function passesOnWhatRefused(step: Step, job: Job): boolean {
  const found =
    /^\$\{\{ !cancelled\(\) && (steps\.[a-z]+\.outputs\.(?:verdict|receipt|record|state)-path) != '' \}\}$/.exec(
      step.if ?? '',
    );
  const document = `\${{ ${found?.[1]} }}`;
  const sends = action(step) === 'handoff' && step.with?.mode === 'send' && step.with.path === document;
  const keeps = action(step) === 'rescan' && step.with?.mode === 'record' && step.with['verdict-path'] === document;
  return found !== null && (sends || keeps) && !holdsIdToken(job);
}

/** Of the legs of a matrix that refused, the job after them has to tell: it decides nothing, and holds no token. */
function tellsOfEveryLeg(job: Job): boolean {
  const modes = job.steps.map((step) => `${action(step)} ${step.with?.mode}`);
  const allowed = ['handoff receive', 'handoff receive-all', 'handoff send', 'rescan notify'];
  const waits = job.if === `\${{ !cancelled() && needs.plan.result == 'success' }}`;
  return waits && !holdsIdToken(job) && modes.every((mode) => allowed.includes(mode));
}

/** Rule 3: a hand-over is received by id and digest out of a needed job's outputs. */
const handoversByIdAndDigest: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) => {
    const isAll = action(step) === 'handoff' && step.with?.mode === 'receive-all';
    if (isAll) return violation(3, where, 'is received by name where a token can be minted', holdsIdToken(job));
    if (action(step) === 'handoff' && step.with?.mode === 'receive-legs') {
      return violation(3, where, 'does not take every leg of a needed job by id', !takesLegsOf(step, job, workflow));
    }
    if (action(step) !== 'handoff' || step.with?.mode !== 'receive') return [];
    if (isCallersHandover(step, job)) return [];
    const id = /^\$\{\{ needs\.([a-z]+)\.outputs\.([a-z]+)-id \}\}$/.exec(step.with['artifact-id'] ?? '');
    const digest = `\${{ needs.${id?.[1]}.outputs.${id?.[2]}-sha256 }}`;
    return [
      ...violation(
        3,
        where,
        'is not received by id from a needed job',
        id === null || job.needs?.includes(id[1] ?? '') !== true,
      ),
      ...violation(3, where, 'has no digest of the same hand-over', step.with.sha256 !== digest),
    ];
  });

/** Rule 4: every needed job succeeded, and nothing runs after a failure. */
const onlyAfterSuccess: Rule = (workflow) => [
  ...eachJob(workflow, (name, job) => [
    ...violation(4, name, 'has a condition of its own', job.if !== undefined && !tellsOfEveryLeg(job)),
    ...violation(4, name, 'continues on error', job['continue-on-error'] !== undefined),
    ...violation(
      4,
      name,
      'does not pass the results of needed jobs',
      holdsIdToken(job) && !job.steps.some((step) => step.with?.['needs-results'] === `\${{ toJSON(needs) }}`),
    ),
    ...violation(
      4,
      name,
      'has no list of events',
      holdsIdToken(job) && !job.steps.some((step) => step.with?.['allowed-events'] !== undefined),
    ),
  ]),
  ...eachStep(workflow, (where, step, job) => [
    ...violation(4, where, 'has a condition of its own', step.if !== undefined && !passesOnWhatRefused(step, job)),
    ...violation(4, where, 'continues on error', step['continue-on-error'] !== undefined),
    ...violation(
      4,
      where,
      'ignores the result of the job it needs',
      ['receive', 'receive-legs'].includes(step.with?.mode ?? '') &&
        !isCallersHandover(step, job) &&
        !/^\$\{\{ needs\.[a-z]+\.result \}\}$/.test(step.with?.['needs-result'] ?? ''),
    ),
  ]),
];

/** Rule 4: a job keeps its outputs when it is not run again, so who decides over an inspection asks how old it is. */
const inspectionIsYoung: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) =>
    violation(
      4,
      where,
      'takes an inspection of any age',
      holdsIdToken(job) &&
        step.with?.['artifact-id']?.includes('.outputs.inspection-id') === true &&
        (step.with['max-age'] === undefined || step.with.made !== `\${{ needs.inspect.outputs.inspection-made }}`),
    ),
  );

/** Rule 6: two runs that push one tag wait for each other, and neither is stopped in the middle. */
const oneSealAtATime: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    if (position(job, 'push', 'tag') === -1) return [];
    const { group, 'cancel-in-progress': cancels } = job.concurrency ?? {};
    const names = ['github.repository', 'inputs.name', 'inputs.version'];
    return [
      ...violation(6, name, 'races with another run', !names.every((part) => group?.includes(`\${{ ${part} }}`))),
      ...violation(6, name, 'can be stopped by another run', cancels !== 'false'),
    ];
  });

/** Rule 5: who holds a token knows which workflow at which commit it must name. */
const claimsAreExpected: Rule = (workflow) =>
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

/** Rule 6: content by digest, read back and verified, evidence stored, and the tag last of all. */
const tagIsLast: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    const tag = position(job, 'push', 'tag');
    const all = job.steps.some(
      (step) => action(step) === 'push' && !['layout', 'content', 'tag', 'rehearse'].includes(step.with?.mode ?? ''),
    );
    if (tag === -1) return violation(6, name, 'pushes in one go', all);
    const before = [
      position(job, 'push', 'content'),
      job.steps.findIndex((step) => action(step) === 'verify'),
      position(job, 'evidence-upload', 'upload'),
    ];
    const ordered =
      before.every((index, at) => index !== -1 && index > (before[at - 1] ?? -1)) && tag > Math.max(...before);
    return [
      ...violation(6, name, 'does not push, verify, store evidence, tag in this order', !ordered || all),
      ...violation(6, name, 'does something after the tag', tag !== job.steps.length - 1),
      ...violation(
        6,
        name,
        'lets something unsigned pass',
        job.steps.some((step) => step.with?.['allow-unsigned'] !== undefined),
      ),
    ];
  });

/** Rule 7: the build checks out what the token names; no configuration variables. */
const checkoutIsTheTokensCommit: Rule = (workflow) =>
  eachStep(workflow, (where, step) =>
    step.uses?.startsWith('actions/checkout@') === true
      ? violation(
          7,
          where,
          'does not check out exactly the commit of the run, without credentials',
          step.with?.repository !== `\${{ github.repository }}` ||
            step.with.ref !== `\${{ github.sha }}` ||
            step.with['persist-credentials'] !== 'false',
        )
      : [],
  ).concat(violation(7, 'workflow', 'reads configuration variables', /\bvars[.[]/.test(JSON.stringify(workflow))));

/** Rule 8: no caller names an address that receives a token, and no secret is asked for. */
const callersNameNoAddress: Rule = (workflow) => [
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
const trustIsRendered: Rule = (workflow) => [
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
const policyComesFromTheBase: Rule = (workflow) =>
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

/** Rule 12: the fetch record leaves the machine before the first user instruction. */
const recordLeavesBeforeUserCode: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    const build = job.steps.findIndex((step) => step.with?.phase === 'build');
    if (build === -1) return [];
    const sent = job.steps.findIndex(
      (step) => step.with?.mode === 'send' && step.with.path === `\${{ steps.fetch.outputs.record-path }}`,
    );
    return violation(12, name, 'hands over the fetch record after user code', sent === -1 || sent > build);
  });

/** Not numbered in the design, and true of every workflow: pinned, unprivileged by default, no expression inside a shell. */
const hygiene: Rule = (workflow) => [
  ...violation(0, 'workflow', 'grants permissions to every job', Object.keys(workflow.permissions).length > 0),
  ...eachJob(workflow, (name, job) =>
    violation(0, name, 'does not state its permissions', job.permissions === undefined),
  ),
  ...eachStep(workflow, (where, step) => [
    ...violation(
      0,
      where,
      'is not pinned',
      step.uses !== undefined && action(step) === undefined && !PINNED.test(step.uses),
    ),
    ...violation(0, where, 'brings a program that is not locked', step.with?.['tool-paths'] !== undefined),
    ...violation(0, where, 'has an expression inside a shell', step.run?.includes('${{') === true),
    ...violation(0, where, 'uses a cache', /cache/.test(step.uses ?? '') || step.with?.cache !== undefined),
  ]),
];

/** A job that looks at the source itself: it checks the commit out, and builds and receives nothing. */
function looksAtSource(job: Job): boolean {
  const checksOut = job.steps.some(({ uses }) => uses?.startsWith('actions/checkout@') === true);
  const others = job.steps.some((step) => action(step) === 'hermetic-build' || step.with?.mode === 'receive');
  return checksOut && !others && !holdsIdToken(job);
}

/** Path of what is released: what was handed over, or what the layouts of all legs were put together to. */
function releasedPath(job: Job): string {
  const assembles = job.steps.find((step) => step.id === 'layout' && action(step) === 'assemble');
  return assembles?.with?.['legs-path'] === ARTIFACT ? ASSEMBLED : ARTIFACT;
}

/** What is scanned is what is released, and the gate can tell. */
const scansNameWhatIsReleased: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) => {
    const path = action(step) === 'scan' ? step.with?.path : step.with?.['subjects-path'];
    if (looksAtSource(job)) {
      const isOther = action(step) === 'scan' && path !== `\${{ github.workspace }}`;
      return violation(0, where, 'does not look at the commit', isOther);
    }
    const looks = action(step) === 'scan' || (action(step) === 'scan-gate' && step.with?.mode === 'collect');
    return violation(0, where, 'does not look at what is released', looks && path !== releasedPath(job));
  });

/** Rules about the image are findings only where the machine that collects has the record of the build. */
const imageRulesReachTheGate: Rule = (workflow) =>
  eachJob(workflow, (name, job) =>
    job.steps.flatMap((step, index) =>
      violation(
        0,
        `${name}.${step.id ?? index}`,
        'collects without the record of the build',
        action(step) === 'scan-gate' &&
          !looksAtSource(job) &&
          step.with?.mode === 'collect' &&
          !namesEveryLeg(step.with?.['build-record-path'], 'build-record', 'build-record.json', job),
      ),
    ),
  );

function isRehearsed(step: Step): boolean {
  return step.with?.mode === 'rehearse' || REHEARSAL_INPUTS.some((input) => step.with?.[input] !== undefined);
}

/** What accepts or makes a rehearsal must not stand in a job that could publish, or one input would turn a release into a pretence. */
const rehearsalsPublishNothing: Rule = (workflow) =>
  eachJob(workflow, (name, job) =>
    violation(
      0,
      name,
      'rehearses with a permission to write',
      Object.values(job.permissions ?? {}).includes('write') && job.steps.some(isRehearsed),
    ),
  );

const RULES: readonly Rule[] = [
  hygiene,
  onlyPavedStepsBesideTheToken,
  statementsAreMadeInSeal,
  handoversByIdAndDigest,
  onlyAfterSuccess,
  inspectionIsYoung,
  oneSealAtATime,
  claimsAreExpected,
  tagIsLast,
  checkoutIsTheTokensCommit,
  callersNameNoAddress,
  trustIsRendered,
  policyComesFromTheBase,
  recordLeavesBeforeUserCode,
  imageRulesReachTheGate,
  scansNameWhatIsReleased,
  rehearsalsPublishNothing,
  ...LEG_RULES,
];

export function violationsOf(workflow: Workflow): readonly Violation[] {
  return RULES.flatMap((rule) => rule(workflow));
}
