import { array, object, string } from '@paved/json';
import { action, eachJob, eachStep, type Rule, type Violation, violation } from './rule.js';
import type { Job, Step, Workflow } from './workflow.js';

export interface MatrixLeg {
  readonly platform: string;
  readonly leg: string;
  readonly runner: string;
}

const fixedMatrix = object({
  matrix: object({ include: array(object({ platform: string, leg: string, runner: string })) }),
});

/** The legs of a job whose machines are written in the file itself; `undefined` for any other job. */
export function legsOf({ strategy }: Job): readonly MatrixLeg[] | undefined {
  if (strategy === undefined || JSON.stringify(strategy).includes('${{')) return undefined;
  try {
    return fixedMatrix(strategy).matrix.include;
  } catch {
    return undefined;
  }
}

const keyOf = (platform: string) => platform.replaceAll('/', '-');
const lines = (text = '') => text.split('\n').filter((line) => line.trim() !== '');
const sorted = (texts: readonly string[]) => texts.toSorted().join('\n');

/** A step that receives the hand-over of each leg of a needed job, or in a leg of the same matrix its own. */
export function takesLegsOf(step: Step, job: Job, workflow: Workflow): boolean {
  const { name = '', outputs = '', platforms } = step.with ?? {};
  const id = /^\$\{\{ toJSON\(needs\.([a-z]+)\.outputs\) \}\}$/.exec(outputs)?.[1] ?? '';
  const needed = workflow.jobs[id];
  const legs = needed === undefined ? undefined : legsOf(needed);
  if (legs === undefined || job.needs?.includes(id) !== true) return false;
  const parts = ['id', 'sha256', 'made'];
  const isKnown = legs.every(({ leg }) =>
    parts.every((part) => needed?.outputs?.[`${leg}-${name}-${part}`] !== undefined),
  );
  const all = legs.map(({ platform }) => platform);
  const own = platforms === `\${{ matrix.platform }}` && sorted(platformsOf(job)) === sorted(all);
  return isKnown && (own || sorted(lines(platforms)) === sorted(all));
}

/** The folder of a hand-over, or a file in the folder of each leg. */
export function namesEveryLeg(text: string | undefined, id: string, file: string, job: Job): boolean {
  const received = job.steps.find((step) => step.id === id);
  const path = `\${{ steps.${id}.outputs.path }}`;
  return text === (received?.with?.mode === 'receive-legs' ? `${path}/*/${file}` : path);
}

function platformsOf(job: Job): readonly string[] {
  return (legsOf(job) ?? []).map(({ platform }) => platform);
}

/** Legs share the outputs of their job, and the last that writes a key wins: each key belongs to one leg, and only that leg sets it. */
const keysNameTheirLeg: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    const outputs = Object.entries(job.outputs ?? {});
    if (job.strategy === undefined || outputs.length === 0) return [];
    const legs = legsOf(job);
    if (legs === undefined) return violation(3, name, 'has outputs of legs that are not fixed', true);
    return [
      ...outputs.flatMap(([key, value]) =>
        violation(3, `${name}.outputs.${key}`, 'is not of one leg', !isOfOneLeg(key, value, legs)),
      ),
      ...violation(3, name, 'has another key on one leg than on the others', !haveSameKeys(outputs, legs)),
    ];
  });

function isOfOneLeg(key: string, value: string, legs: readonly MatrixLeg[]): boolean {
  const owners = legs.filter(({ leg }) => key.startsWith(`${leg}-`));
  return owners.some(({ leg }) => {
    const start = `\${{ matrix.leg == '${leg}' && steps.`;
    const rest = value.startsWith(start) ? value.slice(start.length) : '';
    return /^[a-z-]+\.outputs\.[a-z0-9-]+ \|\| '' \}\}$/.test(rest);
  });
}

function haveSameKeys(outputs: readonly (readonly [string, string])[], legs: readonly MatrixLeg[]): boolean {
  const normal = legs.map(({ leg }) =>
    sorted(
      outputs
        .filter(([, value]) => value.includes(`'${leg}'`))
        .map(([key, value]) => `${key.replace(leg, '')} ${value.replace(`'${leg}'`, '')}`),
    ),
  );
  return new Set(normal).size === 1;
}

/** Each leg has a platform, a key and a job name of its own, by which the job is looked up. */
const legsAreDistinct: Rule = (workflow) =>
  eachJob(workflow, (name, job) => {
    const legs = legsOf(job) ?? [];
    if (legs.length === 0) return [];
    return [
      ...violation(3, name, 'has a platform twice', new Set(legs.map(({ leg }) => leg)).size < legs.length),
      ...violation(
        3,
        name,
        'has a leg with another name',
        legs.some(({ leg, platform }) => leg !== keyOf(platform)),
      ),
      ...violation(5, name, 'does not name its legs', job.name !== `${name} (\${{ matrix.platform }})`),
    ];
  });

/** A leg builds its own platform, and sends under a name of its own: of one name a run has one artifact. */
const legsKeepToThemselves: Rule = (workflow) =>
  eachStep(workflow, (where, step, job) => {
    if (legsOf(job) === undefined) return [];
    const { mode, name = '', phase, platforms } = step.with ?? {};
    const builds = action(step) === 'hermetic-build' && (phase === 'fetch' || phase === 'build');
    const sends = action(step) === 'handoff' && mode === 'send';
    return [
      ...violation(3, where, 'sends what another leg sends as well', sends && !name.endsWith(`-\${{ matrix.leg }}`)),
      ...violation(3, where, 'builds another platform', builds && platforms !== `\${{ matrix.platform }}`),
    ];
  });

/** Rule 5: every leg that built is looked up by its name, and every record is read. */
const everyLegIsLookedUp: Rule = (workflow) => {
  const builders = Object.entries(workflow.jobs).filter(([, job]) =>
    job.steps.some((step) => step.with?.phase === 'build'),
  );
  const legs = builders.flatMap(([id, job]) => platformsOf(job).map((platform) => ({ id, platform })));
  if (legs.length === 0) return [];
  return eachStep(workflow, (where, step): readonly Violation[] => {
    const { platforms, 'build-jobs': names } = step.with ?? {};
    if (action(step) !== 'provenance' && action(step) !== 'assemble') return [];
    const expected = legs.map(({ id, platform }) => `${id} (${platform})`);
    const all = legs.map(({ platform }) => platform);
    return [
      ...violation(5, where, 'does not take every leg', sorted(lines(platforms)) !== sorted(all)),
      ...violation(
        5,
        where,
        'does not look up every leg',
        action(step) === 'provenance' && sorted(lines(names)) !== sorted(expected),
      ),
    ];
  });
};

export const LEG_RULES: readonly Rule[] = [keysNameTheirLeg, legsAreDistinct, legsKeepToThemselves, everyLegIsLookedUp];
